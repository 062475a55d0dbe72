import type { Connection } from './connection.ts'
import type { Span } from './segments.ts'

/** How bad it is: 1 WARNING, 2 CRITICAL, 3 CRITICAL and visible to visitors. */
export type IncidentRank = 1 | 2 | 3

/** A confirmed fault. Milliseconds since 1970. */
export interface Incident {
  id: number
  from: number
  /** null while it lasts. */
  to: number | null
  /** The worst it was. */
  rank: IncidentRank
  targets: readonly string[]
  /** One line. */
  cause: string
}

interface Row extends Omit<Incident, 'targets'> {
  targets: string
}

const columns = 'id, began AS "from", ended AS "to", rank, targets, cause'
const incidentOf = (row: Row): Incident => ({ ...row, targets: JSON.parse(row.targets) as string[] })

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

/** The newest one that lasts. */
export function currentIncident(connection: Connection): Incident | undefined {
  const row = connection.get<Row>(
    `SELECT ${columns} FROM incidents WHERE ended IS NULL ORDER BY id DESC LIMIT 1`,
  )
  return row && incidentOf(row)
}

/** Those that touch a range, the oldest first. */
export const incidentsIn = (connection: Connection, { from, to }: Span): Incident[] =>
  connection
    .all<Row>(
      `SELECT ${columns} FROM incidents WHERE began < ? AND (ended IS NULL OR ended > ?) ORDER BY began, id`,
      ...[to, from],
    )
    .map(incidentOf)
