import { hourMs, maxValidity } from './intervals.ts'
import { countSamples, encodeLatencies, readProgress, setProgress } from './rollups.ts'
import type { Connection } from './sqlite.ts'

/** How many days individual samples are kept, and roll-ups, incidents and planned periods. */
export interface Retention {
  sampleDays: number
  days: number
}

/** Runs are recorded when they end and may arrive late; beyond this they are the exception. */
const graceMs = 600_000
/** How many hours one run rolls up, recounts or prunes: it must stay short. */
const hoursPerRun = 6

/** Rolls up a few completed hours within the caller's transaction. Returns how many; 0 when none is left. */
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
    // A period without runs has nothing to roll up.
    next = Math.max(next, Math.floor(look.at / hourMs) * hourMs)
    rollHour(connection, next / hourMs)
    next += hourMs
  }
  if (next > rolledTo) setProgress(connection, { rolledTo: next, rawFrom })
  return done
}

function rollHour(connection: Connection, hour: number): void {
  connection.run('DELETE FROM rollups WHERE hour = ?', hour)
  connection.run('DELETE FROM stale WHERE hour = ?', hour)
  const span = { from: hour * hourMs, to: (hour + 1) * hourMs }
  for (const rollup of (['here', 'vps'] as const).flatMap((vantage) =>
    countSamples(connection, vantage, span),
  )) {
    const { series, ok, warning, down, keptOut, samples, times } = rollup
    connection.run(
      `INSERT INTO rollups (series, hour, ok, warning, down, kept_out, samples, times) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[series, hour, ok, warning, down, keptOut, samples, encodeLatencies(times)],
    )
  }
}

/**
 * Deletes data older than its retention, a few hours at a time, within the caller's transaction. Returns how many.
 * Call it only when hours were rolled up, not on every run: a clock that is years ahead for an hour must not empty
 * the history.
 */
export const prune = (connection: Connection, now: number, { sampleDays, days }: Retention): number =>
  pruneSamples(connection, now - sampleDays * 24 * hourMs) + pruneHours(connection, now - days * 24 * hourMs)

/** Deletes only samples of rolled-up hours, and none that a stale hour still needs. */
function pruneSamples(connection: Connection, before: number): number {
  const progress = readProgress(connection)
  const oldestStale = connection.get<{ hour: number | null }>('SELECT min(hour) AS hour FROM stale')?.hour
  const edge = Math.min(before, progress.rolledTo, (oldestStale ?? Number.POSITIVE_INFINITY) * hourMs)
  let { rawFrom } = progress
  let done = 0
  for (; done < hoursPerRun; done++) {
    const oldest = connection.get<{ at: number | null }>('SELECT min(at) AS at FROM looks')?.at
    if (oldest === undefined || oldest === null) break
    const end = (Math.floor(oldest / hourMs) + 1) * hourMs
    if (end + maxValidity > edge) break
    connection.run('DELETE FROM samples WHERE series IN (SELECT id FROM series) AND at < ?', end)
    connection.run('DELETE FROM looks WHERE at < ?', end)
    rawFrom = Math.max(rawFrom, end + maxValidity)
  }
  if (done > 0) setProgress(connection, { ...progress, rawFrom })
  return done
}

/** Deletes the oldest hours first, with the incidents and planned periods before them. */
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
