import { hourMs } from '../store/intervals.ts'
import type { Rollup } from '../store/rollups.ts'
import type { History } from '../store/store.ts'
import { nearestRank } from './availability.ts'

/** Latency percentiles in whole milliseconds, by nearest rank. */
export interface Percentiles {
  p50: number
  p95: number
  p99: number
  /** The number of answers. */
  answers: number
}

/** Percentiles of all answers in some roll-ups; null when there was none. */
export function getPercentiles(rollups: readonly Rollup[]): Percentiles | null {
  const length = rollups.reduce((sum, { times }) => sum + times.length, 0)
  if (length === 0) return null
  const all = new Float64Array(length)
  let at = 0
  for (const { times } of rollups) {
    for (const time of times) all[at++] = time
  }
  all.sort()
  return {
    p50: nearestRank(all, 50),
    p95: nearestRank(all, 95),
    p99: nearestRank(all, 99),
    answers: length,
  }
}

/** A point of a latency chart. */
interface LatencyPoint extends Percentiles {
  /** The start of its interval, in ms since 1970. */
  at: number
}

/**
 * Percentiles of one target over time, for charts; intervals without an answer are omitted.
 * @param hours length of an interval; intervals start at multiples of it since 1970 (24: days, UTC)
 */
export function getLatencySeries(
  history: History,
  target: string,
  { from, to, now = Date.now(), hours = 1 }: { from: number; to: number; now?: number; hours?: number },
): LatencyPoint[] {
  const intervals = new Map<number, Rollup[]>()
  for (const rollup of history.rollups({ from, to, now, times: true, only: target, hours }).rollups) {
    const interval = Math.floor(rollup.hour / hours)
    const found = intervals.get(interval)
    if (found) found.push(rollup)
    else intervals.set(interval, [rollup])
  }
  return [...intervals]
    .sort(([a], [b]) => a - b)
    .flatMap(([interval, list]) => {
      const percentiles = getPercentiles(list)
      return percentiles ? { at: interval * hours * hourMs, ...percentiles } : []
    })
}
