import type { Verdict } from '../util/status.ts'

/** How bad a fault is: 1 WARNING, 2 CRITICAL, 3 CRITICAL and visitors notice; 0 none. */
export type Rank = 0 | 1 | 2 | 3

/** What one look says of one target, where it counts. */
export interface Counted {
  target: string
  verdict: Verdict
  /** Visitors would notice. */
  visible: boolean
  cause: string
}

/** How often in a row a target was seen so. Milliseconds since 1970. */
export interface Row {
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
export interface Open {
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

export interface ConfirmState {
  rows: Readonly<Record<string, Row>>
  open?: Open
}

export interface Rules {
  /** Looks in a row that make a fault an incident, and that end it. */
  failAfter: number
  recoverAfter: number
  /** Milliseconds between reminders; 0: none. */
  remindMs: number
}

/** What there is to tell of an incident. */
export interface News {
  kind: 'problem' | 'raised' | 'reminder' | 'recovery'
  /** As it is with this look; of a recovery, as it was. */
  incident: Open
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
const overtakenMs = 60_000
/** A target that nobody has asked about for so long is none any more: its configuration or its file is gone. */
const forgottenMs = 7 * 86_400_000
/** So long after its first bad look a target that is not confirmed, and was none of the incident's, holds it open. */
const heldMs = 3 * 3_600_000

const fresh: Row = { bad: 0, critical: 0, good: 0, badSince: 0, goodSince: 0, rank: 0, cause: '', at: 0 }

/**
 * Takes one look into what is confirmed. Pure: the caller keeps the state, in the transaction that keeps the look.
 * A look that is kept out of the arithmetic is not given here at all. A target that is UNKNOWN, or was not asked, stays
 * as it was.
 */
export function advance(
  state: ConfirmState,
  look: { at: number; seen: readonly Counted[] },
  rules: Rules,
): { state: ConfirmState; news: News | undefined } {
  // Without a prototype: a target may be called `constructor`.
  const rows: Record<string, Row> = Object.assign(Object.create(null), state.rows)
  for (const seen of look.seen) {
    const row = rows[seen.target] ?? fresh
    const overtaken = row.at > look.at && row.at - look.at <= overtakenMs
    if (!overtaken) rows[seen.target] = stepped(row, seen, look.at, rules)
  }
  const forgotten = Object.keys(rows).filter((target) => look.at - rows[target]!.at > forgottenMs)
  for (const target of forgotten) delete rows[target]
  const { open, news } = follow(state.open, rows, look.at, rules, forgotten)
  return { state: { rows, ...(open ? { open } : {}) }, news }
}

function stepped(row: Row, { verdict, visible, cause }: Counted, at: number, rules: Rules): Row {
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
  return { bad, critical, good: 0, badSince, goodSince: 0, rank: worse(row.rank, now), cause, at }
}

/**
 * What becomes of the incident. One that is open holds on while a target of it, or one that this look asked about, is in a
 * row of bad looks; for a while only, where that one is no part of it. When all that gave it its rank has recovered it is
 * over; what is left of a lower rank goes on as one of its own, quietly: it was told with the recovery.
 */
function follow(
  open: Open | undefined,
  rows: Readonly<Record<string, Row>>,
  at: number,
  rules: Rules,
  forgotten: readonly string[],
): { open: Open | undefined; news: News | undefined } {
  const all = Object.entries(rows)
  const confirmed = all.filter(([, row]) => row.rank > 0).sort(([, a], [, b]) => b.rank - a.rank)
  const failing = confirmed.map(([target, { rank, cause }]) => ({ target, rank, cause }))
  const rank = failing[0]?.rank ?? 0
  if (!open) {
    if (rank === 0) return { open, news: undefined }
    return begun(0)
  }
  const targets = [...new Set([...open.targets, ...failing.map(({ target }) => target)])]
  const incident: Open = { ...open, targets, rank: worse(open.rank, rank) }
  // What is left of another one stands for itself as soon as more comes to it.
  if (open.quiet && (rank > open.rank || targets.length > open.targets.length)) return begun(open.start)
  const held = all.filter(
    ([target, row]) =>
      row.bad > 0 && (targets.includes(target) || (row.at === at && at - row.badSince <= heldMs)),
  )
  const isOver =
    rank === 0 ? held.length === 0 : rank < open.rank && !held.some(([, row]) => row.critical > 0)
  if (isOver) {
    const ends = targets.flatMap((target) => rows[target]?.goodSince || [])
    const end = Math.max(open.start, ...(ends.length > 0 ? ends : [at]))
    const left = forgotten.filter((target) => targets.includes(target))
    const rest: Open = {
      start: end,
      rank,
      targets: failing.map(({ target }) => target),
      toldAt: at,
      quiet: true,
    }
    const silent = open.quiet && { silent: true as const }
    const news: News = { kind: 'recovery', incident, failing, end, forgotten: left, ...silent }
    return { open: rank > 0 ? rest : undefined, news }
  }
  const kind =
    incident.rank > open.rank ? 'raised' : isReminderDue(open.toldAt, at, rules) ? 'reminder' : undefined
  if (!kind) return { open: incident, news: undefined }
  const { quiet: _, ...loud } = incident
  const told: Open = { ...loud, toldAt: at }
  return { open: told, news: { kind, incident: told, failing: rank > 0 ? failing : unconfirmed(held) } }

  /** @param earliest what was before belongs to another incident */
  function begun(earliest: number): { open: Open; news: News } {
    const first = Math.min(...confirmed.map(([, row]) => row.badSince || at))
    const start = Math.max(earliest, first)
    const opened: Open = { start, rank, targets: failing.map(({ target }) => target), toldAt: at }
    return { open: opened, news: { kind: 'problem', incident: opened, failing } }
  }
}

/** What holds an incident open when nothing of it is confirmed any more. */
const unconfirmed = (held: readonly [string, Row][]): News['failing'] =>
  held
    .map(([target, { critical, cause }]) => ({
      target,
      rank: critical > 0 ? (2 as const) : (1 as const),
      cause,
    }))
    .sort((a, b) => b.rank - a.rank)

/** A clock that was set back must not silence the reminders until it has caught up. */
const isReminderDue = (toldAt: number, at: number, { remindMs }: Rules): boolean =>
  remindMs > 0 && (at - toldAt >= remindMs || toldAt - at > overtakenMs)

const worse = (a: Rank, b: Rank): Rank => (a > b ? a : b)

/** `2/3`: how far a fault, or its recovery, is confirmed; undefined where there is nothing to confirm. */
export function progress(row: Row | undefined, rules: Rules): string | undefined {
  if (!row) return undefined
  const of = (count: number, needed: number) => `${Math.min(count, needed)}/${needed}`
  if (row.bad > 0) return of(row.critical > 0 ? row.critical : row.bad, rules.failAfter)
  return row.rank > 0 && row.good > 0 ? of(row.good, rules.recoverAfter) : undefined
}
