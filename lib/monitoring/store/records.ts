import { hourMs, type Span, union } from './intervals.ts'
import type { Connection } from './sqlite.ts'
import type { Planned } from './types.ts'

/** The progress of roll-ups. Both are whole hours, in ms since 1970. */
export interface Progress {
  /** Hours before this are rolled up, except stale ones. */
  rolledTo: number
  /** From here on all single samples are stored, including earlier ones that are still valid here. */
  rawFrom: number
}

/** Before the first roll-up, nothing is rolled up and all samples are stored. */
export function readProgress(connection: Connection): Progress {
  const row = connection.get<{ rolled: number; raw: number }>(
    'SELECT rolled_to AS rolled, raw_from AS raw FROM progress',
  )
  return { rolledTo: (row?.rolled ?? 0) * hourMs, rawFrom: (row?.raw ?? 0) * hourMs }
}

export function setProgress(connection: Connection, { rolledTo, rawFrom }: Progress): void {
  connection.run('DELETE FROM progress')
  connection.run('INSERT INTO progress VALUES (?, ?)', rolledTo / hourMs, rawFrom / hourMs)
}

/** Marks the rolled-up hours that a late sample affects as stale. */
export function markStaleSpan(connection: Connection, { from, to }: Span): void {
  const { rolledTo, rawFrom } = readProgress(connection)
  const last = Math.ceil(Math.min(to, rolledTo) / hourMs)
  for (let hour = Math.floor(Math.max(from, rawFrom) / hourMs); hour < last; hour++)
    connection.run('INSERT OR IGNORE INTO stale (hour) VALUES (?)', hour)
}

/** Marks the rolled-up hours that a planned period affects as stale, as far as their samples are still stored. */
function markStalePlanned(connection: Connection, { from, to }: Span): void {
  const { rawFrom } = readProgress(connection)
  connection.run(
    'INSERT OR IGNORE INTO stale (hour) SELECT DISTINCT hour FROM rollups WHERE hour >= ? AND hour < ?',
    ...[Math.floor(Math.max(from, rawFrom) / hourMs), Math.ceil(to / hourMs)],
  )
}

/** The severity: 1 WARNING, 2 CRITICAL, 3 CRITICAL and visible to visitors. */
type IncidentRank = 1 | 2 | 3

/** A confirmed fault. Times are milliseconds since 1970. */
export interface Incident {
  id: number
  from: number
  /** null while it is ongoing. */
  to: number | null
  /** The worst severity. */
  rank: IncidentRank
  targets: readonly string[]
  /** One line. */
  cause: string
}

interface Row extends Omit<Incident, 'targets'> {
  targets: string
}

const columns = 'id, began AS "from", ended AS "to", rank, targets, cause'
const parseIncident = (row: Row): Incident => ({ ...row, targets: JSON.parse(row.targets) as string[] })

export const insertIncident = (
  connection: Connection,
  { from, rank, targets, cause }: Omit<Incident, 'id' | 'to'>,
): number =>
  connection.run(
    'INSERT INTO incidents (began, rank, targets, cause) VALUES (?, ?, ?, ?)',
    ...[from, rank, JSON.stringify(targets), cause],
  ).id

export function changeIncident(
  connection: Connection,
  id: number,
  change: Partial<Pick<Incident, 'rank' | 'targets' | 'cause' | 'to'>>,
): void {
  const { rank = null, targets, cause = null, to } = change
  connection.run(
    `UPDATE incidents SET rank = coalesce(?, rank), targets = coalesce(?, targets), cause = coalesce(?, cause),
     ended = coalesce(?, ended) WHERE id = ?`,
    ...[rank, targets ? JSON.stringify(targets) : null, cause, to ?? null, id],
  )
}

/** The newest ongoing incident. */
export function currentIncident(connection: Connection): Incident | undefined {
  const row = connection.get<Row>(
    `SELECT ${columns} FROM incidents WHERE ended IS NULL ORDER BY id DESC LIMIT 1`,
  )
  return row && parseIncident(row)
}

/** Those that touch a range, the oldest first. */
export const listIncidents = (connection: Connection, { from, to }: Span): Incident[] =>
  connection
    .all<Row>(
      `SELECT ${columns} FROM incidents WHERE began < ? AND (ended IS NULL OR ended > ?) ORDER BY began, id`,
      ...[to, from],
    )
    .map(parseIncident)

/** The value stored under a key, if any. */
export function readNote<Value>(connection: Connection, key: string): Value | undefined {
  const row = connection.get<{ value: string }>('SELECT value FROM notes WHERE key = ?', key)
  return row && (JSON.parse(row.value) as Value)
}

/** Stores a JSON value; undefined deletes the key. */
export function writeNote(connection: Connection, key: string, value: unknown): void {
  if (value === undefined) connection.run('DELETE FROM notes WHERE key = ?', key)
  else
    connection.run(
      'INSERT INTO notes VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
      ...[key, JSON.stringify(value)],
    )
}

/** An alert that was not sent yet. */
export interface QueuedAlert {
  id: number
  channel: string
  /** An `Alert`, see monitoring/alerts. */
  alert: unknown
  /** When it was queued, in ms since 1970. */
  since: number
  /** Queueing counts as the first attempt. */
  tries: number
  /** Why the last attempt failed; empty before. */
  error: string
}

export const enqueue = (
  connection: Connection,
  { channel, alert, since, error }: Omit<QueuedAlert, 'id' | 'tries'>,
): number =>
  connection.run(
    'INSERT INTO outbox (channel, alert, since, tries, error) VALUES (?, ?, ?, 1, ?)',
    ...[channel, JSON.stringify(alert), since, error],
  ).id

/** The oldest first. */
export const listOutbox = (connection: Connection): QueuedAlert[] =>
  connection
    .all<Omit<QueuedAlert, 'alert'> & { alert: string }>('SELECT * FROM outbox ORDER BY id')
    .map((row) => ({ ...row, alert: JSON.parse(row.alert) as unknown }))

export const recordAttempt = (connection: Connection, id: number, error: string): void => {
  connection.run('UPDATE outbox SET tries = tries + 1, error = ? WHERE id = ?', error, id)
}

export const dequeue = (connection: Connection, id: number): void => {
  connection.run('DELETE FROM outbox WHERE id = ?', id)
}

/** Inserts or updates planned periods, and marks the hours they affect as stale. */
export function upsertPlanned(connection: Connection, list: readonly Planned[]): void {
  for (const { id, kind, from, to, what } of list) {
    const end = Math.max(from, to)
    const before = connection.get<Span & { what: string }>(
      'SELECT began AS "from", ended AS "to", what FROM planned WHERE kind = ? AND id = ?',
      ...[kind, id],
    )
    if (before?.from === from && before.to === end && before.what === what) continue
    connection.run(
      `INSERT INTO planned (id, kind, began, ended, what) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (kind, id) DO UPDATE SET began = excluded.began, ended = excluded.ended, what = excluded.what`,
      ...[id, kind, from, end, what],
    )
    for (const span of getChangedSpans(before, { from, to: end })) markStalePlanned(connection, span)
  }
}

/** The spans covered by only one of them: a maintenance grows with every run, and most of it was counted long ago. */
function getChangedSpans(before: Span | undefined, after: Span): Span[] {
  if (!before || before.to <= after.from || after.to <= before.from) return before ? [before, after] : [after]
  const edges: Span[] = [
    { from: Math.min(before.from, after.from), to: Math.max(before.from, after.from) },
    { from: Math.min(before.to, after.to), to: Math.max(before.to, after.to) },
  ]
  return edges.filter(({ from, to }) => from < to)
}

/** Those that touch a range, the oldest first. */
export const listPlanned = (connection: Connection, { from, to }: Span): Planned[] =>
  connection.all<Planned>(
    `SELECT id, kind, began AS "from", ended AS "to", what FROM planned WHERE ended >= ? AND began < ? ORDER BY began, id`,
    ...[from, to],
  )

export const listPlannedSpans = (connection: Connection, span: Span): Span[] =>
  union(listPlanned(connection, span))
