import type { Config } from '../config/config.ts'
import { getMessage, OpsError } from '../util/errors.ts'
import type { Alert, ChannelName } from './alerts/alert.ts'
import { createIncidentAlert, formatTitle } from './alerts/message.ts'
import { readIncidentFile } from './incidentFile.ts'
import {
  advance,
  type IncidentEvent,
  type IncidentRules,
  type IncidentState,
  type OpenIncident,
  type TargetStatus,
} from './incidentState.ts'
import type { KnownMaintenance } from './plannedWork.ts'
import { type History, historyFile, openHistory } from './store/store.ts'
import type { CheckRun, Planned } from './store/types.ts'

/** What one run writes down, all of it or nothing. */
export interface RunRecord {
  looks: readonly CheckRun[]
  stretches: readonly Planned[]
  /** For what is confirmed; undefined when the whole look is kept out. */
  seen: readonly TargetStatus[] | undefined
  /** The maintenance that goes on, for the next look; `over`: there is none; undefined: what was noted stands. */
  maintenance: KnownMaintenance | 'over' | undefined
}

export interface Recorded {
  state: IncidentState
  news: IncidentEvent | undefined
}

const noteKeys = { state: 'confirm', incident: 'incident id', maintenance: 'maintenance' } as const

/** The maintenance that went on when one was last seen, or seen to be over. */
export const getNotedMaintenance = (history: History): KnownMaintenance | undefined =>
  history.note<KnownMaintenance>(noteKeys.maintenance)

/**
 * One transaction: the look, what is planned, what is confirmed now, the incident, and the alerts of it into the outbox.
 * A run that is killed before it has done nothing; one that is killed after it leaves alerts that the next one sends.
 */
export function recordRun(
  history: History,
  entry: RunRecord,
  about: {
    config: Config
    rules: IncidentRules
    channels: readonly ChannelName[]
    /** What is kept of the run itself. */
    lastRun(recorded: Recorded): { exitCode: number; line: string }
  },
): Recorded {
  const { config, rules, channels } = about
  return history.transaction(() => {
    history.recordPlanned(entry.stretches)
    for (const look of entry.looks) history.record(look)
    if (entry.maintenance)
      history.setNote(noteKeys.maintenance, entry.maintenance === 'over' ? undefined : entry.maintenance)
    const before = loadState(history, config)
    const at = entry.looks[0]!.at
    const after = entry.seen
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

/**
 * What is confirmed so far. In a new history the incident goes on that was open in the one before: whoever has set that
 * aside may have been killed before it wrote anything into this one.
 */
function loadState(history: History, config: Config): IncidentState {
  const state = history.note<IncidentState>(noteKeys.state)
  if (state) return state
  const open = readIncidentFile(config)
  if (!open?.open) return { rows: {} }
  const { start, rank, targets } = open.open
  const cause = formatTitle(Object.entries(open.rows).map(([target, row]) => ({ target, ...row })))
  if (rank > 0)
    history.setNote(
      noteKeys.incident,
      history.openIncident({ from: start, rank: rank as 1 | 2 | 3, targets, cause }),
    )
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
      if (news.kind === 'recovery') history.raiseIncident(id, { targets: news.incident.targets })
      history.closeIncident(id, news.end ?? news.incident.start)
    }
    history.setNote(noteKeys.incident, open && open.rank > 0 ? openIncident(history, open, news) : undefined)
    return
  }
  if (id === undefined || !open || open.rank === 0) return
  const grown = open.targets.length > (before.open?.targets.length ?? 0)
  if (news?.kind === 'raised')
    history.raiseIncident(id, { rank: open.rank, targets: open.targets, cause: formatTitle(news.failing) })
  else if (grown) history.raiseIncident(id, { targets: open.targets })
}

const openIncident = (
  history: History,
  { start, rank, targets }: OpenIncident,
  { failing }: IncidentEvent,
): number =>
  history.openIncident({ from: start, rank: rank as 1 | 2 | 3, targets, cause: formatTitle(failing) })

/** Nothing is lost between here and the channel: what is sent is taken out, and only then. */
function enqueueAlert(history: History, alert: Alert, channels: readonly ChannelName[]): void {
  // Reminders that nobody got yet say nothing that a newer alert does not say better.
  for (const waiting of history.outbox())
    if ((waiting.alert as Alert).kind === 'reminder') history.dequeue(waiting.id)
  for (const channel of channels) history.enqueue({ channel, alert, since: Date.now(), error: '' })
}

/** The history, or why there is none for this run: the look is worth more than its record. */
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

/** One line of why nothing could be written down, and what that means. */
export function formatNotRecorded(thrown: unknown): string {
  const said = thrown instanceof OpsError ? thrown.failure.said : undefined
  const why = `${getMessage(thrown)}${said ? ` (${said.trim().split('\n')[0]})` : ''}`
  return `nothing was recorded, and no alert can come of this look: ${why}`
}
