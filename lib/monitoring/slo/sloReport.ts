import { quickChecks } from '../../checks/quickChecks.ts'
import type { Config, Limits } from '../../config/config.ts'
import { hourMs, type State } from '../store/intervals.ts'
import { type Rollup, siteSeries } from '../store/rollups.ts'
import type { History, Origin } from '../store/store.ts'

/** The minutes of a range by state. `warning` is part of `up`; the other fields add up to the range. */
export interface Minutes {
  up: number
  warning: number
  down: number
  /** Planned work, or this machine's own network was down. */
  keptOut: number
  notKnown: number
  ahead: number
}

export interface Budget {
  /** Allowed minutes of downtime in the range: (1 − SLO) × (up + down + ahead). */
  total: number
  used: number
  /** Negative when the budget is overdrawn. */
  left: number
  /** Used share of total; null when total is 0. */
  usedPercent: number | null
}

/** Milliseconds since 1970. */
export interface CountedRange {
  from: number
  /** The end of the counted part: now, for a range that has not ended. */
  to: number
  end: number
}

const minuteMs = 60_000

export function countMinutes(rollups: readonly Rollup[], { from, to, end }: CountedRange): Minutes {
  const sum = (state: State) => rollups.reduce((all, rollup) => all + rollup[state], 0)
  const [ok, warning, down, keptOut] = [sum('ok'), sum('warning'), sum('down'), sum('keptOut')]
  const known = ok + warning + down + keptOut
  return {
    up: (ok + warning) / minuteMs,
    warning: warning / minuteMs,
    down: down / minuteMs,
    keptOut: keptOut / minuteMs,
    notKnown: (to - from - known) / minuteMs,
    ahead: (end - to) / minuteMs,
  }
}

/** Per cent; null when no time counts. */
export function getAvailability({ up, down }: Pick<Minutes, 'up' | 'down'>): number | null {
  if (up + down === 0) return null
  // With floating-point numbers, (100 × up) ÷ up is not always 100.
  return down === 0 ? 100 : (100 * up) / (up + down)
}

/** `99.951 %`, rounded down: 100 % means no fault at all. */
export const formatPercent = (percent: number): string =>
  percent === 100 ? '100 %' : `${(Math.floor(percent * 1000 + 1e-6) / 1000).toFixed(3)} %`

export function getErrorBudget({ up, down, ahead }: Minutes, sloPercent: number): Budget {
  // With floating-point numbers, 100 − 99.9 is not 0.1; whole numbers are exact.
  const share = Math.round((100 - sloPercent) * 1e6)
  const total = (share * (up + down + ahead)) / 1e8
  return {
    ...{ total, used: down, left: total - down },
    usedPercent: total > 0 ? (100 * down) / total : null,
  }
}

/** The smallest value that at least `percent` per cent of the values do not exceed. `sorted` must not be empty. */
export const nearestRank = (sorted: ArrayLike<number>, percent: number): number =>
  sorted[Math.max(0, Math.ceil((percent * sorted.length) / 100) - 1)]!

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

interface SloTerms {
  sloPercent: number
  /** The latency limits of a target in ms; undefined if it has none. */
  getLimits(target: string): Limits | undefined
}

export const getTerms = (config: Config): SloTerms => ({
  sloPercent: config.history.sloPercent,
  getLimits(target) {
    const limits = quickChecks.find(({ id }) => id === target)?.limits?.(config)
    // The history may hold parts of the API that no longer exist.
    return limits ?? (target.startsWith('api-') ? config.health.apiMs : undefined)
  },
})

export interface Availability {
  /** up ÷ (up + down); null when neither is known. */
  percent: number | null
  /** True when the error budget is not overdrawn (also for a range that has not ended); null like `percent`. */
  met: boolean | null
  minutes: Minutes
  budget: Budget
}

export interface Latency extends Percentiles {
  limits?: Limits
  /** True when p95 is within the lower limit; absent without limits. */
  met?: boolean
}

export type SloReport = ReturnType<typeof buildSloReport>

/** Roll-ups are summed anyway, so one figure per series is enough. */
const wholeRange = Number.MAX_SAFE_INTEGER

/**
 * Availability, error budget and percentiles of [from, to) in ms since 1970, for each target with data, by name:
 * docs/health.md, "Arithmetic". Incidents and planned periods are those that overlap the range, oldest first.
 */
export function buildSloReport(
  history: History,
  terms: SloTerms,
  range: { from: number; to: number; now?: number; vantage?: Origin },
) {
  const { vantage = 'here', now = Date.now() } = range
  const { sloPercent } = terms
  return history.snapshot(() => {
    const asked = { ...range, vantage, now, times: true, hours: wholeRange }
    const { span, rollups, targets } = history.rollups(asked)
    const counted: CountedRange = { ...span, end: Math.max(range.to, span.to) }
    const bySeries = Map.groupBy(rollups, ({ series }) => series)
    const planned = history.planned(counted)
    const availability = (list: readonly Rollup[]): Availability => {
      const minutes = countMinutes(list, counted)
      const percent = getAvailability(minutes)
      const budget = getErrorBudget(minutes, sloPercent)
      return { percent, met: percent === null ? null : budget.left >= 0, minutes, budget }
    }
    return {
      ...counted,
      sloPercent,
      vantage,
      // The VPS does not check the site as a whole.
      site: vantage === 'here' ? availability(bySeries.get(siteSeries) ?? []) : null,
      targets: [...targets].flatMap(([series, target]) => {
        const list = bySeries.get(series)
        if (!list) return []
        const samples = list.reduce((sum, rollup) => sum + rollup.samples, 0)
        return { target, samples, ...availability(list), latency: toLatency(list, terms.getLimits(target)) }
      }),
      incidents: history.incidents(counted),
      deploys: planned.filter(({ kind }) => kind === 'deploy'),
      maintenances: planned.filter(({ kind }) => kind === 'maintenance'),
    }
  })
}

function toLatency(list: readonly Rollup[], limits: Limits | undefined): Latency | null {
  const percentiles = getPercentiles(list)
  if (!percentiles || !limits) return percentiles
  return { ...percentiles, limits, met: percentiles.p95 <= limits.warning }
}
