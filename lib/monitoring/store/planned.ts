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
