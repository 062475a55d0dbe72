import type { Connection } from './connection.ts'
import { type Latest, verdictNamed } from './looks.ts'
import { progressOf } from './progress.ts'
import type { Span } from './segments.ts'

interface Row {
  target: string
  at: number
  holds: number
  verdict: number
  kept: number
  ms: number | null
  cause: string
}

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
    .all<Row>(
      `SELECT target, at, holds, verdict, kept_out AS kept, ms, cause FROM series JOIN samples ON samples.series = series.id
       WHERE vantage = 'here' AND target IN (SELECT value FROM json_each(?)) AND at >= ? AND at < ?
       ORDER BY target, at, look`,
      ...[JSON.stringify(targets), from, to],
    )
    .map(({ holds, verdict, kept, at, ...rest }) => ({
      ...{ ...rest, at, until: at + holds, verdict: verdictNamed(verdict), keptOut: kept === 1 },
    }))
}
