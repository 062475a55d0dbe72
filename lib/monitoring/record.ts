import type { Config } from '../config/config.ts'
import { getMessage, OpsError } from '../util/errors.ts'
import type { Alert, ChannelName } from './alerts/alert.ts'
import { formatTitle, incidentAlert } from './alerts/message.ts'
import { readMirror } from './incidentFile.ts'
import {
  advance,
  type ConfirmState,
  type Counted,
  type News,
  type Open,
  type Rules,
} from './incidentState.ts'
import type { Noted } from './plannedWork.ts'
import { type History, historyFile, openHistory } from './store/store.ts'
import type { Look, Planned } from './store/types.ts'

/** What one run writes down, all of it or nothing. */
export interface Entry {
  looks: readonly Look[]
  stretches: readonly Planned[]
  /** For what is confirmed; undefined when the whole look is kept out. */
  seen: readonly Counted[] | undefined
  /** The maintenance that goes on, for the next look; `over`: there is none; undefined: what was noted stands. */
  maintenance: Noted | 'over' | undefined
}

export interface Recorded {
  state: ConfirmState
  news: News | undefined
}

const notes = { state: 'confirm', incident: 'incident id', maintenance: 'maintenance' } as const

/** The maintenance that went on when one was last seen, or seen to be over. */
export const notedMaintenance = (history: History): Noted | undefined =>
  history.note<Noted>(notes.maintenance)

/**
 * One transaction: the look, what is planned, what is confirmed now, the incident, and the alerts of it into the outbox.
 * A run that is killed before it has done nothing; one that is killed after it leaves alerts that the next one sends.
 */
export function recordLook(
  history: History,
  entry: Entry,
  about: {
    config: Config
    rules: Rules
    channels: readonly ChannelName[]
    /** What is kept of the run itself. */
    lastRun(recorded: Recorded): { exitCode: number; line: string }
  },
): Recorded {
  const { config, rules, channels } = about
  return history.transaction(() => {
    history.plan(entry.stretches)
    for (const look of entry.looks) history.record(look)
    if (entry.maintenance)
      history.setNote(notes.maintenance, entry.maintenance === 'over' ? undefined : entry.maintenance)
    const before = stateIn(history, config)
    const at = entry.looks[0]!.at
    const after = entry.seen
      ? advance(before, { at, seen: entry.seen }, rules)
      : { state: before, news: undefined }
    history.setNote(notes.state, after.state)
    keepIncident(history, before, after.state, after.news)
    if (after.news && !after.news.silent) putOut(history, incidentAlert(config, after.news, at), channels)
    const { exitCode, line } = about.lastRun(after)
    history.setLastRun({ at, exitCode, line })
    return after
  })
}

/**
 * What is confirmed so far. In a new history the incident goes on that was open in the one before: whoever has set that
 * aside may have been killed before it wrote anything into this one.
 */
function stateIn(history: History, config: Config): ConfirmState {
  const state = history.note<ConfirmState>(notes.state)
  if (state) return state
  const open = readMirror(config)
  if (!open?.open) return { rows: {} }
  const { start, rank, targets } = open.open
  const cause = formatTitle(Object.entries(open.rows).map(([target, row]) => ({ target, ...row })))
  if (rank > 0)
    history.setNote(
      notes.incident,
      history.openIncident({ from: start, rank: rank as 1 | 2 | 3, targets, cause }),
    )
  return open
}

function keepIncident(
  history: History,
  before: ConfirmState,
  { open }: ConfirmState,
  news: News | undefined,
): void {
  const id = history.note<number>(notes.incident)
  if (news?.kind === 'recovery' || news?.kind === 'problem') {
    if (id !== undefined) {
      if (news.kind === 'recovery') history.raiseIncident(id, { targets: news.incident.targets })
      history.closeIncident(id, news.end ?? news.incident.start)
    }
    history.setNote(notes.incident, open && open.rank > 0 ? begun(history, open, news) : undefined)
    return
  }
  if (id === undefined || !open || open.rank === 0) return
  const grown = open.targets.length > (before.open?.targets.length ?? 0)
  if (news?.kind === 'raised')
    history.raiseIncident(id, { rank: open.rank, targets: open.targets, cause: formatTitle(news.failing) })
  else if (grown) history.raiseIncident(id, { targets: open.targets })
}

const begun = (history: History, { start, rank, targets }: Open, { failing }: News): number =>
  history.openIncident({ from: start, rank: rank as 1 | 2 | 3, targets, cause: formatTitle(failing) })

/** Nothing is lost between here and the channel: what is sent is taken out, and only then. */
function putOut(history: History, alert: Alert, channels: readonly ChannelName[]): void {
  // Reminders that nobody got yet say nothing that a newer alert does not say better.
  for (const waiting of history.outbox())
    if ((waiting.alert as Alert).kind === 'reminder') history.sent(waiting.id)
  for (const channel of channels) history.putOff({ channel, alert, since: Date.now(), error: '' })
}

/** The history, or why there is none for this run: the look is worth more than its record. */
export interface Store {
  history: History | undefined
  trouble: string[]
  close(): void
}

export async function openStore(config: Config): Promise<Store> {
  try {
    const history = await openHistory(historyFile(config), config.history)
    return { history, trouble: [], close: () => history.close() }
  } catch (thrown) {
    return { history: undefined, trouble: [notKept(thrown)], close() {} }
  }
}

/** One line of why nothing could be written down, and what that means. */
export function notKept(thrown: unknown): string {
  const said = thrown instanceof OpsError ? thrown.failure.said : undefined
  const why = `${getMessage(thrown)}${said ? ` (${said.trim().split('\n')[0]})` : ''}`
  return `nothing was recorded, and no alert can come of this look: ${why}`
}
