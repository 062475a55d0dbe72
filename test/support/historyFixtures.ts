import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { prune, type Retention, rollUp } from '../../lib/monitoring/store/retention.ts'
import { openDatabase } from '../../lib/monitoring/store/sqlite.ts'
import { type History, openHistory } from '../../lib/monitoring/store/store.ts'

export { createRun as look, createSample as sample } from './runFixtures.ts'

export const minute = 60_000
export const hour = 60 * minute
export const day = 24 * hour

/** A separate file, removed after the test. */
export function createHistoryPath(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'dominion-history-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return path.join(folder, 'state', 'health.sqlite')
}

export async function openTestHistory(
  file = createHistoryPath(),
  options: { sampleDays?: number; days?: number; waitMs?: number } = {},
): Promise<History> {
  const history = await openHistory(file, { sampleDays: 35, days: 400, ...options })
  onTestFinished(() => history.close())
  return history
}

/** Rolls up and deletes everything that is due by then, as many runs would. */
export async function rollUpAll(
  file: string,
  now: number,
  retention: Partial<Retention> = {},
): Promise<void> {
  const connection = openDatabase(file, { waitMs: 1000, readOnly: false })
  for (let left = 1; left > 0; ) {
    connection.exec('BEGIN IMMEDIATE')
    left = rollUp(connection, now) + prune(connection, now, { sampleDays: 35, days: 400, ...retention })
    connection.exec('COMMIT')
  }
  connection.close()
}
