import type { Verdict } from '../util/verdict.ts'

/** The severity of a fault: 0 none, 1 WARNING, 2 CRITICAL, 3 CRITICAL and visible to visitors. */
export type Rank = 0 | 1 | 2 | 3

export interface TargetStatus {
  target: string
  verdict: Verdict
  visible: boolean
  cause: string
}

/** The current streak of a target. Times are milliseconds since 1970. Stored in the history as JSON. */
export interface Streak {
  /** Consecutive runs that were not OK, and that were CRITICAL. */
  bad: number
  critical: number
  good: number
  /** The first run of the bad streak, and of the good one. */
  badSince: number
  goodSince: number
  /** The confirmed severity; it stays at its worst until the target has recovered. */
  rank: Rank
  cause: string
  /** The latest run that checked the target. */
  at: number
}

/** The open incident. Stored in the history as JSON. */
export interface OpenIncident {
  start: number
  rank: Rank
  targets: readonly string[]
  toldAt: number
  /** The rest of an incident whose recovery was reported: its end is not news, unless a reminder reported it. */
  quiet?: true
}

export interface IncidentState {
  rows: Readonly<Record<string, Streak>>
  open?: OpenIncident
}

export interface IncidentRules {
  /** Consecutive runs that confirm a fault, and that confirm its recovery. */
  failAfter: number
  recoverAfter: number
  /** Milliseconds between reminders; 0: none. */
  remindMs: number
}

/** A change of the incident that is worth an alert. */
export interface IncidentEvent {
  kind: 'problem' | 'raised' | 'reminder' | 'recovery'
  /** The incident after this run; for a recovery, as it was before. */
  incident: OpenIncident
  /** The targets that fail now, worst first, with their latest causes; for a recovery, those that continue to fail. */
  failing: readonly { target: string; rank: Rank; cause: string }[]
  /** Recovery only: the first good run of the target that recovered last. */
  end?: number
  /** The end of a silent incident: recorded but not reported. */
  silent?: true
  /** Recovery only: targets that left the incident because they are no longer checked. */
  forgotten?: readonly string[]
}

/** Two concurrent runs may be recorded out of order; a larger difference means that the clock was set back. */
const maxReorderMs = 60_000
/** A target that was not checked for this long is retired: its configuration or file is gone. */
const retireAfterMs = 7 * 86_400_000
/** How long an unconfirmed fault of a target outside the incident keeps the incident open after its first bad run. */
const maxHoldMs = 3 * 3_600_000

const noStreak: Streak = {
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
 * Applies one check run to the incident state. Pure: the caller stores the state in the transaction that stores the
 * run. An excluded run is not passed in at all. A target that is UNKNOWN or was not checked keeps its state.
 */
export function advance(
  state: IncidentState,
  look: { at: number; seen: readonly TargetStatus[] },
  rules: IncidentRules,
): { state: IncidentState; news: IncidentEvent | undefined } {
  // No prototype: a target may be called `constructor`.
  const rows: Record<string, Streak> = Object.assign(Object.create(null), state.rows)
  for (const seen of look.seen) {
    const row = rows[seen.target] ?? noStreak
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
  const worst = visible ? 3 : 2
  const lesser = bad >= rules.failAfter ? 1 : 0
  const now = critical >= rules.failAfter ? worst : lesser
  const badSince = row.bad > 0 ? row.badSince : at
  return { bad, critical, good: 0, badSince, goodSince: 0, rank: maxRank(row.rank, now), cause, at }
}

/**
 * Updates the incident. An open one continues while one of its targets, or one that this run checked, is in a bad
 * streak (limited in time for targets outside the incident). When everything that gave it its severity has recovered,
 * it ends; remaining lower-severity problems continue as a separate, silent incident, because the recovery alert
 * lists them.
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
  const failingTargets = failing.map(({ target }) => target)
  const rank = failing[0]?.rank ?? 0
  if (!open) return rank === 0 ? { open, news: undefined } : startIncident(0)
  const targets = [...new Set([...open.targets, ...failingTargets])]
  const incident: OpenIncident = { ...open, targets, rank: maxRank(open.rank, rank) }
  // The remainder of an earlier incident becomes an incident in its own right when it grows.
  if (open.quiet && (rank > open.rank || targets.length > open.targets.length))
    return startIncident(open.start)
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
    const rest: OpenIncident = { start: end, rank, targets: failingTargets, toldAt: at, quiet: true }
    const silent = open.quiet && { silent: true as const }
    const news: IncidentEvent = { kind: 'recovery', incident, failing, end, forgotten: left, ...silent }
    return { open: rank > 0 ? rest : undefined, news }
  }
  const reminder = isReminderDue(open.toldAt, at, rules) ? 'reminder' : undefined
  const kind = incident.rank > open.rank ? 'raised' : reminder
  if (!kind) return { open: incident, news: undefined }
  const { quiet: _, ...loud } = incident
  const reminded: OpenIncident = { ...loud, toldAt: at }
  return {
    open: reminded,
    news: { kind, incident: reminded, failing: rank > 0 ? failing : listUnconfirmed(held) },
  }

  /** @param earliest the incident starts no earlier: what came before belongs to another one */
  function startIncident(earliest: number): { open: OpenIncident; news: IncidentEvent } {
    const first = Math.min(...confirmed.map(([, row]) => row.badSince || at))
    const start = Math.max(earliest, first)
    const opened: OpenIncident = { start, rank, targets: failingTargets, toldAt: at }
    return { open: opened, news: { kind: 'problem', incident: opened, failing } }
  }
}

const listUnconfirmed = (held: readonly [string, Streak][]): IncidentEvent['failing'] =>
  held
    .map(([target, { critical, cause }]) => ({ target, rank: critical > 0 ? 2 : (1 as Rank), cause }))
    .sort((a, b) => b.rank - a.rank)

/** Reminders must not stop after the clock was set back. */
const isReminderDue = (toldAt: number, at: number, { remindMs }: IncidentRules): boolean =>
  remindMs > 0 && (at - toldAt >= remindMs || toldAt - at > maxReorderMs)

const maxRank = (a: Rank, b: Rank): Rank => (a > b ? a : b)

/** `2/3`: how far a fault, or its recovery, is confirmed; undefined when there is nothing to confirm. */
export function formatProgress(row: Streak | undefined, rules: IncidentRules): string | undefined {
  if (!row) return undefined
  const of = (count: number, needed: number) => `${Math.min(count, needed)}/${needed}`
  if (row.bad > 0) return of(row.critical > 0 ? row.critical : row.bad, rules.failAfter)
  return row.rank > 0 && row.good > 0 ? of(row.good, rules.recoverAfter) : undefined
}
