import { rmSync } from 'node:fs'
import path from 'node:path'
import type { Config } from '../config/config.ts'
import { getMessage, OpsError } from '../util/errors.ts'
import { writeAtomically } from '../util/files.ts'
import { parseJson, readIfPresent } from '../util/json.ts'
import { type Alert, type ChannelName, createIncidentAlert, formatTitle } from './alerts/alert.ts'
import {
  advance,
  type IncidentEvent,
  type IncidentRules,
  type IncidentState,
  type OpenIncident,
  type Streak,
  type TargetStatus,
} from './incidentState.ts'
import type { KnownMaintenance } from './plannedWork.ts'
import { type CheckRun, type History, historyFile, openHistory, type Planned } from './store/store.ts'

export interface RunRecord {
  runs: readonly CheckRun[]
  stretches: readonly Planned[]
  /** Input for the incident state; undefined when the whole run is excluded. */
  seen: readonly TargetStatus[] | undefined
  /** The current maintenance window, for the next run; `over`: there is none; undefined: the recorded one stays. */
  maintenance: KnownMaintenance | 'over' | undefined
}

export type Recorded = ReturnType<typeof advance>

const noteKeys = { state: 'confirm', incident: 'incident id', maintenance: 'maintenance' } as const

/** The maintenance window that the latest informed run saw, if it was not over. */
export const getNotedMaintenance = (history: History): KnownMaintenance | undefined =>
  history.note<KnownMaintenance>(noteKeys.maintenance)

/**
 * Records the run, planned periods, incident state, incident and its alerts (in the outbox) in one transaction. A run
 * that is killed before it has done nothing; one that is killed after it leaves alerts that the next run sends.
 */
export function recordRun(
  history: History,
  entry: RunRecord,
  about: {
    config: Config
    rules: IncidentRules
    channels: readonly ChannelName[]
    lastRun(recorded: Recorded): { exitCode: number; line: string }
  },
): Recorded {
  const { config, rules, channels } = about
  return history.transaction(() => {
    history.recordPlanned(entry.stretches)
    for (const run of entry.runs) history.record(run)
    if (entry.maintenance)
      history.setNote(noteKeys.maintenance, entry.maintenance === 'over' ? undefined : entry.maintenance)
    const before = loadState(history, config)
    const at = entry.runs[0]!.at
    const after: Recorded = entry.seen
      ? advance(before, { at, seen: entry.seen }, rules)
      : { state: before, news: undefined }
    history.setNote(noteKeys.state, after.state)
    saveIncident(history, before, after.state, after.news)
    if (after.news && !after.news.silent)
      enqueueAlert(history, createIncidentAlert(config, after.news, at), channels)
    const { exitCode, line } = about.lastRun(after)
    history.setLastRun({ at, exitCode, line })
    return after
  })
}

/** Loads the incident state. A new history continues the incident that was open in the quarantined one. */
function loadState(history: History, config: Config): IncidentState {
  const state = history.note<IncidentState>(noteKeys.state)
  if (state) return state
  const open = readIncidentFile(config)
  if (!open?.open) return { rows: {} }
  const cause = formatTitle(Object.entries(open.rows).map(([target, row]) => ({ target, ...row })))
  if (open.open.rank > 0) history.setNote(noteKeys.incident, openIncident(history, open.open, cause))
  return open
}

function saveIncident(
  history: History,
  before: IncidentState,
  { open }: IncidentState,
  news: IncidentEvent | undefined,
): void {
  const id = history.note<number>(noteKeys.incident)
  if (news?.kind === 'recovery' || news?.kind === 'problem') {
    if (id !== undefined) {
      const { end, incident, kind } = news
      const targets = kind === 'recovery' ? { targets: incident.targets } : {}
      history.changeIncident(id, { ...targets, to: end ?? incident.start })
    }
    const opened = open && open.rank > 0 ? openIncident(history, open, formatTitle(news.failing)) : undefined
    history.setNote(noteKeys.incident, opened)
    return
  }
  if (id === undefined || !open || open.rank === 0) return
  const grown = open.targets.length > (before.open?.targets.length ?? 0)
  if (news?.kind === 'raised')
    history.changeIncident(id, { rank: open.rank, targets: open.targets, cause: formatTitle(news.failing) })
  else if (grown) history.changeIncident(id, { targets: open.targets })
}

const openIncident = (history: History, { start, rank, targets }: OpenIncident, cause: string): number =>
  history.openIncident({ from: start, rank: rank as 1 | 2 | 3, targets, cause })

/** Alerts leave the outbox only after they were delivered, so none is lost. */
function enqueueAlert(history: History, alert: Alert, channels: readonly ChannelName[]): void {
  // A newer alert supersedes reminders that are still queued.
  for (const waiting of history.outbox())
    if ((waiting.alert as Alert).kind === 'reminder') history.dequeue(waiting.id)
  for (const channel of channels) history.enqueue({ channel, alert, since: Date.now(), error: '' })
}

/** The history, or the reason why this run has none: a check is worth more than its record. */
export interface HistoryHandle {
  history: History | undefined
  trouble: string[]
  close(): void
}

export async function openHistoryHandle(config: Config): Promise<HistoryHandle> {
  try {
    const history = await openHistory(historyFile(config), config.history)
    return { history, trouble: [], close: () => history.close() }
  } catch (thrown) {
    return { history: undefined, trouble: [formatNotRecorded(thrown)], close() {} }
  }
}

/** Why nothing could be recorded, and the consequence, in one line. */
export function formatNotRecorded(thrown: unknown): string {
  const said = thrown instanceof OpsError ? thrown.failure.said : undefined
  const why = `${getMessage(thrown)}${said ? ` (${said.trim().split('\n')[0]})` : ''}`
  return `nothing was recorded, and this check can raise no alert: ${why}`
}

/*
 * A copy of the open incident next to the history, written only when that incident changes. When a damaged history is
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
  const file = readIfPresent(getIncidentFile(config)) ?? ''
  const { open, rows } = parseJson<Partial<IncidentState>>(file) ?? {}
  return isOpen(open) && rows && Object.values(rows).every(isRow) ? { open, rows } : undefined
}

const numbers = (value: object | null | undefined, names: readonly string[]): boolean =>
  names.every((name) => Number.isFinite((value as Record<string, unknown> | null | undefined)?.[name]))

const isOpen = (open: OpenIncident | undefined): open is OpenIncident =>
  numbers(open, ['start', 'rank', 'toldAt']) && Array.isArray(open?.targets)

const isRow = (row: Streak): boolean =>
  numbers(row, ['bad', 'critical', 'good', 'badSince', 'goodSince', 'rank', 'at']) &&
  typeof row.cause === 'string'
