import { readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { Config } from '../config/config.ts'
import { writeAtomically } from '../util/files.ts'
import type { IncidentState, OpenIncident, Streak } from './incidentState.ts'

/*
 * A copy of the open incident beside the history, written only when that incident changes. When a damaged history is
 * quarantined, the incident continues from here, so that it is neither reported twice nor left open forever.
 */

const getIncidentFile = ({ stateDir }: Pick<Config, 'stateDir'>): string =>
  path.join(stateDir, 'health-incident.json')

/** Writes the open incident; removes the file when none is open. Throws the file system's own errors. */
export function writeIncidentFile(config: Pick<Config, 'stateDir'>, state: IncidentState): void {
  const file = getIncidentFile(config)
  if (!state.open) {
    rmSync(file, { force: true })
    return
  }
  const rows = Object.fromEntries(Object.entries(state.rows).filter(([, { rank }]) => rank > 0))
  writeAtomically(file, JSON.stringify({ open: state.open, rows }), { mode: 0o600 })
}

/** Reads the incident that was open; undefined when there was none or the file has another format. */
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
