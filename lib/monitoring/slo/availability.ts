import type { State } from '../store/intervals.ts'
import type { Rollup } from '../store/rollups.ts'

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

/**
 * Percentile by nearest rank: the smallest value that at least `percent` per cent of the values do not exceed.
 * `sorted` must not be empty.
 */
export const nearestRank = (sorted: ArrayLike<number>, percent: number): number =>
  sorted[Math.max(0, Math.ceil((percent * sorted.length) / 100) - 1)]!
