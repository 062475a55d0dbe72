import { unknownError } from '../../util/errors.ts'
import type { Verdict } from '../../util/verdict.ts'
import { getValidity, intervalsRead, type Span } from './intervals.ts'
import { markStaleSpan, readProgress } from './rollups.ts'
import type { Connection } from './sqlite.ts'
import type { CheckRun, Origin, Sample } from './store.ts'

const verdicts: readonly Verdict[] = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN']

/** Limits a cause, which may quote an answer in HTML. */
const longestCause = 500

export interface StoredSample extends Sample {
  at: number
  /** When it stops being valid. */
  until: number
  keptOut: boolean
}

export function insertCheckRun(connection: Connection, look: CheckRun): void {
  const { at, samples, from = 'here', excluded = '' } = look
  const { rawFrom, rolledTo } = readProgress(connection)
  if (at < rawFrom) {
    throw unknownError(
      `A check from ${new Date(at).toISOString()} is older than the individual checks still in the history`,
      undefined,
      'Check the clock of this machine.',
    )
  }
  const id = connection.run(
    'INSERT INTO looks (at, vantage, excluded, samples) VALUES (?, ?, ?, ?)',
    ...[at, from, excluded, samples.length],
  )
  for (const { target, verdict, ms, cause, keptOut = false } of samples) {
    const series = seriesId(connection, from, target)
    const earlier = connection.all<{ at: number; holds: number }>(
      'SELECT at, holds FROM samples WHERE series = ? AND at <= ? ORDER BY at DESC LIMIT ?',
      ...[series, at, intervalsRead],
    )
    const times = earlier.map((sample) => sample.at)
    const holds = getValidity(at, times)
    connection.run(
      'INSERT INTO samples (series, at, look, holds, verdict, kept_out, ms, cause) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      ...[series, at, id, holds, verdicts.indexOf(verdict), excluded || keptOut ? 1 : 0],
      ...[ms === null ? null : Math.max(0, Math.round(ms)), cause.slice(0, longestCause)],
    )
    if (at < rolledTo) {
      // It arrived late: recount the time it covers, and the time that the sample before it no longer covers.
      const before = earlier[0] ? earlier[0].at + earlier[0].holds : at
      markStaleSpan(connection, { from: at, to: Math.max(at + holds, before) })
    }
  }
}

function seriesId(connection: Connection, vantage: Origin, target: string): number {
  const key = `${vantage} ${target}`
  const known = connection.series.get(key)
  if (known !== undefined) return known
  connection.run('INSERT OR IGNORE INTO series (vantage, target) VALUES (?, ?)', vantage, target)
  const sql = 'SELECT id FROM series WHERE vantage = ? AND target = ?'
  const { id } = connection.get<{ id: number }>(sql, vantage, target)!
  connection.series.set(key, id)
  return id
}

export interface SampleRow {
  target: string
  at: number
  holds: number
  verdict: number
  kept: number
  ms: number | null
  cause: string
}

const sampleColumns = 'target, at, holds, verdict, kept_out AS kept, ms, cause'

const toStoredSample = ({ holds, verdict, kept, ...rest }: SampleRow): StoredSample => ({
  ...rest,
  verdict: verdicts[verdict] ?? 'UNKNOWN',
  until: rest.at + holds,
  keptOut: kept === 1,
})

/** The newest sample of each target, by target. Samples after `now` (ms) come from a wrong clock and are ignored. */
export const readLatest = (connection: Connection, vantage: Origin, now: number): StoredSample[] =>
  connection
    .all<SampleRow>(
      `SELECT ${sampleColumns} FROM series JOIN samples ON samples.series = series.id
       WHERE vantage = ? AND (at, look) =
         (SELECT at, look FROM samples WHERE series = series.id AND at <= ? ORDER BY at DESC, look DESC LIMIT 1)
       ORDER BY target`,
      ...[vantage, now],
    )
    .map(toStoredSample)

/**
 * The samples of some targets from this machine within [from, to), sorted by target and time; each is valid until
 * `until` or the next one of its target. undefined when the range starts before the oldest stored sample.
 */
export function readSamples(
  connection: Connection,
  { from, to }: Span,
  targets: readonly string[],
): StoredSample[] | undefined {
  const first = connection.get('SELECT 1 FROM looks WHERE at <= ? LIMIT 1', from)
  if (!first || from < readProgress(connection).rawFrom) return undefined
  return connection
    .all<SampleRow>(
      `SELECT ${sampleColumns} FROM series JOIN samples ON samples.series = series.id
       WHERE vantage = 'here' AND target IN (SELECT value FROM json_each(?)) AND at >= ? AND at < ?
       ORDER BY target, at, look`,
      ...[JSON.stringify(targets), from, to],
    )
    .map(toStoredSample)
}
