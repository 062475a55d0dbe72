import { quickChecks } from '../../checks/quickChecks.ts'
import type { Config, Limits } from '../../config/config.ts'
import { type Rollup, siteSeries } from '../store/rollups.ts'
import type { History } from '../store/store.ts'
import type { Origin } from '../store/types.ts'
import {
  type Budget,
  type CountedRange,
  countMinutes,
  getAvailability,
  getErrorBudget,
  type Minutes,
} from './availability.ts'
import { getPercentiles, type Percentiles } from './series.ts'

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

/** Availability of the site, or of one target. */
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
