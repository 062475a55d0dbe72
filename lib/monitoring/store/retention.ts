import { hourMs, maxValidity } from './intervals.ts'
import { type Progress, readProgress, setProgress } from './records.ts'
import { countSamples, encodeLatencies } from './rollups.ts'
import type { Connection } from './sqlite.ts'
import type { Origin } from './types.ts'

/** Days that single samples, and roll-ups with incidents and planned stretches, are kept. */
export interface Retention {
  sampleDays: number
  days: number
}

/** Looks are written at their end and may come late; after this they are the exception. */
const graceMs = 600_000
/** Hours that one run rolls up, counts again, or takes samples away of: it must stay short. */
const hoursPerRun = 6
const origins: readonly Origin[] = ['here', 'vps']

/**
 * Rolls up hours that are over, a few of them, within the caller's transaction. Gives how many: 0 when there is nothing
 * left to do.
 */
export function rollUp(connection: Connection, now: number): number {
  const until = Math.floor((now - graceMs) / hourMs) * hourMs
  const stale = connection.all<{ hour: number }>(
    'SELECT hour FROM stale WHERE hour < ? ORDER BY hour LIMIT ?',
    ...[until / hourMs, hoursPerRun],
  )
  for (const { hour } of stale) rollHour(connection, hour)
  let done = stale.length
  const { rolledTo, rawFrom } = readProgress(connection)
  let next = rolledTo
  for (; done < hoursPerRun && next < until; done++) {
    const look = connection.get<{ at: number | null }>(
      'SELECT min(at) AS at FROM looks WHERE at >= ?',
      next - maxValidity,
    )
    if (!look || look.at === null || look.at >= until) break
    // Of a stretch without looks there is nothing to roll up.
    next = Math.max(next, Math.floor(look.at / hourMs) * hourMs)
    rollHour(connection, next / hourMs)
    next += hourMs
  }
  if (next > rolledTo) setProgress(connection, { rolledTo: next, rawFrom })
  return done
}

/** Counts one hour's samples, in the place of what was counted before. */
function rollHour(connection: Connection, hour: number): void {
  connection.run('DELETE FROM rollups WHERE hour = ?', hour)
  connection.run('DELETE FROM stale WHERE hour = ?', hour)
  const span = { from: hour * hourMs, to: (hour + 1) * hourMs }
  for (const rollup of origins.flatMap((vantage) => countSamples(connection, vantage, span))) {
    const { series, ok, warning, down, keptOut, samples, times } = rollup
    connection.run(
      `INSERT INTO rollups (series, hour, ok, warning, down, kept_out, samples, times) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[series, hour, ok, warning, down, keptOut, samples, encodeLatencies(times)],
    )
  }
}

/**
 * Takes away what is older than its retention; a few hours of each, within the caller's transaction. Gives how many. It
 * is to go with the hours that are rolled up, not with the looks: a clock that runs years ahead for an hour must not
 * empty the history.
 */
export const prune = (connection: Connection, now: number, { sampleDays, days }: Retention): number =>
  pruneSamples(connection, now - sampleDays * 24 * hourMs) + pruneHours(connection, now - days * 24 * hourMs)

/** Only samples of hours that are rolled up, and none that an hour still to be counted again needs. */
function pruneSamples(connection: Connection, before: number): number {
  const progress = readProgress(connection)
  const oldestStale = connection.get<{ hour: number | null }>('SELECT min(hour) AS hour FROM stale')?.hour
  const edge = Math.min(before, progress.rolledTo, (oldestStale ?? Number.POSITIVE_INFINITY) * hourMs)
  let done = 0
  let forgotten: Progress | undefined
  for (; done < hoursPerRun; done++) {
    const oldest = connection.get<{ at: number | null }>('SELECT min(at) AS at FROM looks')?.at
    if (oldest === undefined || oldest === null) break
    const end = (Math.floor(oldest / hourMs) + 1) * hourMs
    if (end + maxValidity > edge) break
    connection.run('DELETE FROM samples WHERE series IN (SELECT id FROM series) AND at < ?', end)
    connection.run('DELETE FROM looks WHERE at < ?', end)
    forgotten = { ...progress, rawFrom: Math.max(progress.rawFrom, end + maxValidity) }
  }
  if (forgotten) setProgress(connection, forgotten)
  return done
}

/** The oldest hours first, and what belongs to the time before them. */
function pruneHours(connection: Connection, before: number): number {
  let done = 0
  for (; done < hoursPerRun; done++) {
    const oldest = connection.get<{ hour: number | null }>('SELECT min(hour) AS hour FROM rollups')?.hour
    if (oldest === undefined || oldest === null || (oldest + 1) * hourMs > before) break
    connection.run('DELETE FROM rollups WHERE hour = ?', oldest)
    connection.run('DELETE FROM planned WHERE ended <= ?', (oldest + 1) * hourMs)
    connection.run('DELETE FROM incidents WHERE ended <= ?', (oldest + 1) * hourMs)
  }
  return done
}
