import { readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { Config } from '../config/config.ts'
import { writeAtomically } from '../util/files.ts'
import type { IncidentState, OpenIncident, Streak } from './incidentState.ts'

/*
 * What is confirmed, beside the history: written only when the incident that is open changes. When a
 * damaged history is set aside, the incident goes on from here, so that it is neither told twice nor never ended.
 */

const getIncidentFile = ({ stateDir }: Pick<Config, 'stateDir'>): string =>
  path.join(stateDir, 'health-incident.json')

/** Keeps the open incident; takes the file away when none is open. Throws the file system's own errors. */
export function writeIncidentFile(config: Pick<Config, 'stateDir'>, state: IncidentState): void {
  const file = getIncidentFile(config)
  if (!state.open) {
    rmSync(file, { force: true })
    return
  }
  const rows = Object.fromEntries(Object.entries(state.rows).filter(([, { rank }]) => rank > 0))
  writeAtomically(file, JSON.stringify({ open: state.open, rows }), { mode: 0o600 })
}

/** The incident that was open; undefined when none was, or the file is none of ours. */
export function readIncidentFile(config: Pick<Config, 'stateDir'>): IncidentState | undefined {
  try {
    const { open, rows } = JSON.parse(readFileSync(getIncidentFile(config), 'utf8')) as IncidentState
    return isOpen(open) && Object.values(rows).every(isRow) ? { open, rows } : undefined
  } catch {
    return undefined
  }
}

const numbers = (value: object, names: readonly string[]): boolean =>
  names.every((name) => Number.isFinite((value as Record<string, unknown>)[name]))

const isOpen = (open: OpenIncident | undefined): open is OpenIncident =>
  typeof open === 'object' && numbers(open, ['start', 'rank', 'toldAt']) && Array.isArray(open.targets)

const isRow = (row: Streak): boolean =>
  numbers(row, ['bad', 'critical', 'good', 'badSince', 'goodSince', 'rank', 'at']) &&
  typeof row.cause === 'string'
