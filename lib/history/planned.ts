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
    for (const span of differenceOf(before, { from, to: end })) changedPlan(connection, span)
  }
}

/** What only one of them covers: a maintenance grows with every look, and most of it was counted long ago. */
function differenceOf(before: Span | undefined, after: Span): Span[] {
  if (!before || before.to <= after.from || after.to <= before.from) return before ? [before, after] : [after]
  const edges: Span[] = [
    { from: Math.min(before.from, after.from), to: Math.max(before.from, after.from) },
    { from: Math.min(before.to, after.to), to: Math.max(before.to, after.to) },
  ]
  return edges.filter(({ from, to }) => from < to)
}

/** Those that touch a range, the oldest first. */
export const plannedIn = (connection: Connection, { from, to }: Span): Planned[] =>
  connection.all<Planned>(
    `SELECT id, kind, began AS "from", ended AS "to", what FROM planned WHERE ended >= ? AND began < ? ORDER BY began, id`,
    ...[from, to],
  )

export const plannedSpans = (connection: Connection, span: Span): Span[] => union(plannedIn(connection, span))
