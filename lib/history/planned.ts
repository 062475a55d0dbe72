import type { Connection } from './connection.ts'
import { changedPlan } from './progress.ts'
import type { Planned } from './sample.ts'
import { type Span, union } from './segments.ts'

/** Notes planned stretches, known ones as they are now. What they touch is counted again. */
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
    if (before?.from === from && before.to === end) continue
    if (before) changedPlan(connection, before)
    changedPlan(connection, { from, to: end })
  }
}

/** Those that touch a range, the oldest first. */
export const plannedIn = (connection: Connection, { from, to }: Span): Planned[] =>
  connection.all<Planned>(
    `SELECT id, kind, began AS "from", ended AS "to", what FROM planned WHERE ended >= ? AND began < ? ORDER BY began, id`,
    ...[from, to],
  )

export const plannedSpans = (connection: Connection, span: Span): Span[] => union(plannedIn(connection, span))
