import { hourMs } from '../store/intervals.ts'
import { type Rollup, siteSeries } from '../store/rollups.ts'
import type { History } from '../store/store.ts'
import { countMinutes, getAvailability, type Minutes, nearestRank } from './availability.ts'

/** Latency percentiles in whole milliseconds, by nearest rank. */
export interface Percentiles {
  p50: number
  p95: number
  p99: number
  answers: number
}

/** Percentiles of all answers in some roll-ups; null when there was none. */
export function getPercentiles(rollups: readonly Rollup[]): Percentiles | null {
  const all = new Float64Array(rollups.flatMap(({ times }) => times)).sort()
  if (all.length === 0) return null
  const [p50, p95, p99] = [50, 95, 99].map((percent) => nearestRank(all, percent))
  return { p50: p50!, p95: p95!, p99: p99!, answers: all.length }
}

/**
 * Percentiles of one target over time, for charts: `at` is the start of the interval, in ms since 1970. Intervals without
 * an answer are omitted.
 * @param hours length of an interval; intervals start at multiples of it since 1970 (24: days, UTC)
 */
export function getLatencySeries(
  history: History,
  target: string,
  { from, to, now, hours = 1 }: { from: number; to: number; now: number; hours?: number },
) {
  const { rollups } = history.rollups({ from, to, now, times: true, only: target, hours })
  const intervals = Map.groupBy(rollups, ({ hour }) => Math.floor(hour / hours))
  return [...intervals]
    .sort(([a], [b]) => a - b)
    .flatMap(([interval, list]) => {
      const percentiles = getPercentiles(list)
      return percentiles ? { at: interval * hours * hourMs, ...percentiles } : []
    })
}

/** One day (UTC) of one target. */
export interface DayBar {
  day: string
  /** null when no time counts. */
  percent: number | null
  minutes: Minutes
}

const dayMs = 24 * hourMs

/** One bar for each of the last `days` days, oldest first, today last: of the site and of each target. */
export function buildDailyBars(history: History, { days, now }: { days: number; now: number }) {
  const today = Math.floor(now / dayMs) * dayMs
  const range = { from: today - (days - 1) * dayMs, to: today + dayMs, now, hours: 24 }
  const { rollups, targets } = history.rollups(range)
  const cells = Map.groupBy(rollups, ({ series, hour }) => toKey(series, Math.floor(hour / 24)))
  const buildBars = (series: number): DayBar[] =>
    Array.from({ length: days }, (_, index) => {
      const from = range.from + index * dayMs
      const counted = { from, to: Math.min(from + dayMs, now), end: from + dayMs }
      const minutes = countMinutes(cells.get(toKey(series, from / dayMs)) ?? [], counted)
      const day = new Date(from).toISOString().slice(0, 10)
      return { day, percent: getAvailability(minutes), minutes }
    })
  const seen = new Set(rollups.map(({ series }) => series))
  return {
    site: buildBars(siteSeries),
    targets: [...targets]
      .filter(([series]) => seen.has(series))
      .map(([series, target]) => ({ target, days: buildBars(series) })),
  }
}

const toKey = (series: number, day: number): string => `${series} ${day}`
