import { appendFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Config } from '../../../lib/config/config.ts'
import { historyFile, openHistory } from '../../../lib/monitoring/store/store.ts'
import { readLastRuns } from '../../../lib/schedule/lastRuns.ts'
import { unreachableSecrets } from '../../../lib/schedule/tasks.ts'
import { endTranscript, openTranscript } from '../../../lib/shell/transcript.ts'
import { loadTestConfig } from '../../support/helpers.ts'

/** The transcript of one run. `end`: its exit code, or the last lines of a killed one. */
function ran(
  config: Config,
  time: string,
  script: string,
  line: string,
  end: number | string,
  pid = 4194305,
): void {
  const folder = path.join(
    config.stateDir,
    script === 'status-page' ? 'transcripts-status-page' : 'transcripts',
  )
  const transcript = openTranscript(folder, `20261123T${time}Z-${script}-${pid}`, (text) => text)
  transcript.write({ kind: 'start', line, pid })
  if (typeof end === 'number') endTranscript(transcript.file, end)
  else appendFileSync(transcript.file, end)
}

const words = async (config: Config) =>
  (await readLastRuns(config)).map(({ exitCode, words }) => [exitCode, words])

test('nothing has run yet', async () => {
  expect(await words(await loadTestConfig(''))).toEqual([
    [null, 'never'],
    [null, 'never'],
    [null, 'never; no dump'],
  ])
})

test('the last run of each task; plans do not count, and a killed run is reported', async () => {
  const config = await loadTestConfig('')
  const page = 'npx dominion status-page'
  ran(config, '010000', 'status-page', page, 0)
  ran(config, '020000', 'status-page', `${page} --quiet`, 3)
  ran(config, '030000', 'status-page', `${page} --dry-run`, 0)
  ran(config, '010000', 'backup-database', 'npx dominion backup-database --prove', '{"kind":"comm')
  const history = await openHistory(historyFile(config), { sampleDays: 35, days: 400 })
  history.setLastRun({ at: 1_795_408_200_000, exitCode: 2, line: "CRITICAL - api 503 (3/3) | 'api'=812ms" })
  history.close()
  const [health, ...others] = await readLastRuns(config)
  expect(health).toEqual({
    task: 'health',
    at: 1_795_408_200_000,
    exitCode: 2,
    words: 'CRITICAL - api 503 (3/3)',
  })
  expect(others).toMatchObject([
    { task: 'status-page', exitCode: 3, words: 'failed' },
    { task: 'backup-database', exitCode: null, words: 'killed; no dump' },
  ])
  expect(others[0]!.at).toBeGreaterThan(Date.now() - 60_000)
  ran(config, '040000', 'status-page', page, '', process.pid)
  expect((await words(config))[1]).toEqual([null, 'running'])
  writeFileSync(historyFile(config), 'no database')
  expect((await words(config))[0]![1]).toMatch(/^unknown: /)
})

test('secrets available only in a terminal are named', async () => {
  const config = await loadTestConfig(
    'ALERT_SLACK_URL=env:SLACK',
    'SMTP_URL=op://vault/smtp/url',
    'HEALTH_PING_URL=env:PING',
  )
  expect(unreachableSecrets(config)).toEqual(['HEALTH_PING_URL', 'ALERT_SLACK_URL'])
})
