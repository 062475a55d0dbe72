import type { Connection } from './connection.ts'
import { type Latest, latestOf, type SampleRow, sampleColumns } from './looks.ts'
import { progressOf } from './progress.ts'
import type { Span } from './segments.ts'

/**
 * The single samples of some targets, seen from here, within [from, to), by target and time; each speaks until `until` or
 * the next one of its target. undefined: the range begins before what is still there.
 */
export function samplesIn(
  connection: Connection,
  { from, to }: Span,
  targets: readonly string[],
): Latest[] | undefined {
  const first = connection.get('SELECT 1 FROM looks WHERE at <= ? LIMIT 1', from)
  if (!first || from < progressOf(connection).rawFrom) return undefined
  return connection
    .all<SampleRow>(
      `SELECT ${sampleColumns} FROM series JOIN samples ON samples.series = series.id
       WHERE vantage = 'here' AND target IN (SELECT value FROM json_each(?)) AND at >= ? AND at < ?
       ORDER BY target, at, look`,
      ...[JSON.stringify(targets), from, to],
    )
    .map(latestOf)
}
