import type { Verdict } from '../util/status.ts'

/** How bad a fault is: 1 WARNING, 2 CRITICAL, 3 CRITICAL and visitors notice; 0 none. */
export type Rank = 0 | 1 | 2 | 3

/** What one look says of one target, where it counts. */
export interface TargetStatus {
  target: string
  verdict: Verdict
  /** Visitors would notice. */
  visible: boolean
  cause: string
}

/** How often in a row a target was seen so. Milliseconds since 1970. */
export interface Streak {
  /** Looks in a row that were not OK, and that were CRITICAL. */
  bad: number
  critical: number
  /** Looks in a row that were OK. */
  good: number
  /** The first look of the row of bad ones, and of good ones. */
  badSince: number
  goodSince: number
  /** What is confirmed of it; it stays at its worst until the target has recovered. */
  rank: Rank
  cause: string
  /** The newest look that has asked about it. */
  at: number
}

/** The one incident that is open. */
export interface OpenIncident {
  /** When its first bad look was. */
  start: number
  /** The worst that was confirmed of it. */
  rank: Rank
  /** Every target that was confirmed to fail in it. */
  targets: readonly string[]
  /** When it was last told. */
  toldAt: number
  /** What is left of a worse one that was told to be over: its end is no news, unless a reminder told it. */
  quiet?: true
}

export interface IncidentState {
  rows: Readonly<Record<string, Streak>>
  open?: OpenIncident
}

export interface IncidentRules {
  /** Looks in a row that make a fault an incident, and that end it. */
  failAfter: number
  recoverAfter: number
  /** Milliseconds between reminders; 0: none. */
  remindMs: number
}

/** What there is to tell of an incident. */
export interface IncidentEvent {
  kind: 'problem' | 'raised' | 'reminder' | 'recovery'
  /** As it is with this look; of a recovery, as it was. */
  incident: OpenIncident
  /** The targets that fail now, worst first, with the words of the newest look that said something; of a recovery, those of a lower rank that go on. */
  failing: readonly { target: string; rank: Rank; cause: string }[]
  /** Only of a recovery: the first good look of the target that recovered last. */
  end?: number
  /** The end of what was quiet: kept, and told to nobody. */
  silent?: true
  /** Only of a recovery: targets that left the incident because nobody asks about them any more. */
  forgotten?: readonly string[]
}

/** Two runs at a time may be noted the other way round; more than this is a clock that was set back. */
const maxReorderMs = 60_000
/** A target that nobody has asked about for so long is none any more: its configuration or its file is gone. */
const retireAfterMs = 7 * 86_400_000
/** So long after its first bad look a target that is not confirmed, and was none of the incident's, holds it open. */
const maxHoldMs = 3 * 3_600_000

const emptyStreak: Streak = {
  bad: 0,
  critical: 0,
  good: 0,
  badSince: 0,
  goodSince: 0,
  rank: 0,
  cause: '',
  at: 0,
}

/**
 * Takes one look into what is confirmed. Pure: the caller keeps the state, in the transaction that keeps the look.
 * A look that is kept out of the arithmetic is not given here at all. A target that is UNKNOWN, or was not asked, stays
 * as it was.
 */
export function advance(
  state: IncidentState,
  look: { at: number; seen: readonly TargetStatus[] },
  rules: IncidentRules,
): { state: IncidentState; news: IncidentEvent | undefined } {
  // Without a prototype: a target may be called `constructor`.
  const rows: Record<string, Streak> = Object.assign(Object.create(null), state.rows)
  for (const seen of look.seen) {
    const row = rows[seen.target] ?? emptyStreak
    const overtaken = row.at > look.at && row.at - look.at <= maxReorderMs
    if (!overtaken) rows[seen.target] = updateStreak(row, seen, look.at, rules)
  }
  const forgotten = Object.keys(rows).filter((target) => look.at - rows[target]!.at > retireAfterMs)
  for (const target of forgotten) delete rows[target]
  const { open, news } = updateIncident(state.open, rows, look.at, rules, forgotten)
  return { state: { rows, ...(open ? { open } : {}) }, news }
}

function updateStreak(
  row: Streak,
  { verdict, visible, cause }: TargetStatus,
  at: number,
  rules: IncidentRules,
): Streak {
  if (verdict === 'UNKNOWN') return { ...row, at }
  if (verdict === 'OK') {
    const good = row.good + 1
    const next = { ...row, at, bad: 0, critical: 0, good, goodSince: row.good > 0 ? row.goodSince : at }
    return good >= rules.recoverAfter ? { ...next, rank: 0, cause: '' } : next
  }
  const bad = row.bad + 1
  const critical = verdict === 'CRITICAL' ? row.critical + 1 : 0
  const now = critical >= rules.failAfter ? (visible ? 3 : 2) : bad >= rules.failAfter ? 1 : 0
  const badSince = row.bad > 0 ? row.badSince : at
  return { bad, critical, good: 0, badSince, goodSince: 0, rank: maxRank(row.rank, now), cause, at }
}

/**
 * What becomes of the incident. One that is open holds on while a target of it, or one that this look asked about, is in a
 * row of bad looks; for a while only, where that one is no part of it. When all that gave it its rank has recovered it is
 * over; what is left of a lower rank goes on as one of its own, quietly: it was told with the recovery.
 */
function updateIncident(
  open: OpenIncident | undefined,
  rows: Readonly<Record<string, Streak>>,
  at: number,
  rules: IncidentRules,
  forgotten: readonly string[],
): { open: OpenIncident | undefined; news: IncidentEvent | undefined } {
  const all = Object.entries(rows)
  const confirmed = all.filter(([, row]) => row.rank > 0).sort(([, a], [, b]) => b.rank - a.rank)
  const failing = confirmed.map(([target, { rank, cause }]) => ({ target, rank, cause }))
  const rank = failing[0]?.rank ?? 0
  if (!open) {
    if (rank === 0) return { open, news: undefined }
    return begun(0)
  }
  const targets = [...new Set([...open.targets, ...failing.map(({ target }) => target)])]
  const incident: OpenIncident = { ...open, targets, rank: maxRank(open.rank, rank) }
  // What is left of another one stands for itself as soon as more comes to it.
  if (open.quiet && (rank > open.rank || targets.length > open.targets.length)) return begun(open.start)
  const held = all.filter(
    ([target, row]) =>
      row.bad > 0 && (targets.includes(target) || (row.at === at && at - row.badSince <= maxHoldMs)),
  )
  const isOver =
    rank === 0 ? held.length === 0 : rank < open.rank && !held.some(([, row]) => row.critical > 0)
  if (isOver) {
    const ends = targets.flatMap((target) => rows[target]?.goodSince || [])
    const end = Math.max(open.start, ...(ends.length > 0 ? ends : [at]))
    const left = forgotten.filter((target) => targets.includes(target))
    const rest: OpenIncident = {
      start: end,
      rank,
      targets: failing.map(({ target }) => target),
      toldAt: at,
      quiet: true,
    }
    const silent = open.quiet && { silent: true as const }
    const news: IncidentEvent = { kind: 'recovery', incident, failing, end, forgotten: left, ...silent }
    return { open: rank > 0 ? rest : undefined, news }
  }
  const kind =
    incident.rank > open.rank ? 'raised' : isReminderDue(open.toldAt, at, rules) ? 'reminder' : undefined
  if (!kind) return { open: incident, news: undefined }
  const { quiet: _, ...loud } = incident
  const told: OpenIncident = { ...loud, toldAt: at }
  return { open: told, news: { kind, incident: told, failing: rank > 0 ? failing : listUnconfirmed(held) } }

  /** @param earliest what was before belongs to another incident */
  function begun(earliest: number): { open: OpenIncident; news: IncidentEvent } {
    const first = Math.min(...confirmed.map(([, row]) => row.badSince || at))
    const start = Math.max(earliest, first)
    const opened: OpenIncident = { start, rank, targets: failing.map(({ target }) => target), toldAt: at }
    return { open: opened, news: { kind: 'problem', incident: opened, failing } }
  }
}

/** What holds an incident open when nothing of it is confirmed any more. */
const listUnconfirmed = (held: readonly [string, Streak][]): IncidentEvent['failing'] =>
  held
    .map(([target, { critical, cause }]) => ({
      target,
      rank: critical > 0 ? (2 as const) : (1 as const),
      cause,
    }))
    .sort((a, b) => b.rank - a.rank)

/** A clock that was set back must not silence the reminders until it has caught up. */
const isReminderDue = (toldAt: number, at: number, { remindMs }: IncidentRules): boolean =>
  remindMs > 0 && (at - toldAt >= remindMs || toldAt - at > maxReorderMs)

const maxRank = (a: Rank, b: Rank): Rank => (a > b ? a : b)

/** `2/3`: how far a fault, or its recovery, is confirmed; undefined where there is nothing to confirm. */
export function formatProgress(row: Streak | undefined, rules: IncidentRules): string | undefined {
  if (!row) return undefined
  const of = (count: number, needed: number) => `${Math.min(count, needed)}/${needed}`
  if (row.bad > 0) return of(row.critical > 0 ? row.critical : row.bad, rules.failAfter)
  return row.rank > 0 && row.good > 0 ? of(row.good, rules.recoverAfter) : undefined
}
