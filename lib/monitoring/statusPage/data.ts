import type { Check, QuickContext } from '../../checks/check.ts'
import { siteChecks } from '../../checks/quickChecks.ts'
import type { Config } from '../../config/config.ts'
import {
  buildDailyBars,
  buildSloReport,
  type DayBar,
  getAvailability,
  getLatencySeries,
  getTerms,
  type SloReport,
} from '../slo/sloReport.ts'
import { hourMs } from '../store/intervals.ts'
import type { History } from '../store/store.ts'
import { getCondition, getHeadline, type LastSeen, siteCondition } from './headline.ts'
import { selectOngoing, toPublicIncident, toVisibleIncident } from './incidents.ts'
import { compareServices, getServiceName, isVisible } from './labels.ts'
import type { Condition, Day, Latency, Month, Part, StatusView } from './types.ts'

const dayMs = 24 * hourMs
const barDays = 90
const plotDays = 30
const siteName = 'Whole site'

/** Reads what the page shows from one snapshot of the history. Throws as the history does. */
export const buildStatusView = (history: History, config: Config, now: number): StatusView =>
  history.snapshot(() => {
    const newest = history.latest('here', now)
    const seenAt = Math.max(...newest.filter(({ target }) => isVisible(target)).map(({ at }) => at))
    const today = Math.floor(now / dayMs) * dayMs
    const lately = { from: today - (barDays - 1) * dayMs, to: now }
    const planned = history.planned(lately).toReversed()
    const noticed = history
      .incidents({ from: lately.from, to: now + 1 })
      .flatMap((incident) => toVisibleIncident(history, incident, now) ?? [])
    const atLastLook = planned.filter(({ from, to }) => from <= seenAt && seenAt <= to)
    return {
      domain: config.domain,
      madeAt: now,
      headline: getHeadline({
        now,
        newest,
        ...selectOngoing(noticed),
        maintenance: atLastLook.some(({ kind }) => kind === 'maintenance'),
      }),
      parts: buildParts(history, newest, now),
      latency: siteChecks.map((check) => buildLatency(history, config, check, now)),
      month: buildMonth(buildSloReport(history, getTerms(config), { ...getMonthRange(now), now })),
      incidents: noticed.sort((a, b) => b.start - a.start).flatMap(toPublicIncident),
      works: planned
        .filter(({ from }) => from <= now)
        .map(({ kind, from, to }) => ({ kind, start: from, end: Math.min(to, now) })),
    }
  })

export function getMonthRange(now: number): { from: number; to: number } {
  const date = new Date(now)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
  return { from: Date.UTC(year, month), to: Date.UTC(year, month + 1) }
}

function buildParts(history: History, newest: readonly LastSeen[], now: number): Part[] {
  const { site, targets } = buildDailyBars(history, { days: barDays, now })
  const samples = new Map(newest.map((sample) => [sample.target, sample]))
  return [
    buildPart('site', siteName, siteCondition(newest, now), site),
    ...selectVisible(targets).map(({ target, days }) =>
      buildPart(target, getServiceName(target), getCondition(samples.get(target), now), days),
    ),
  ]
}

const selectVisible = <Each extends { target: string }>(targets: readonly Each[]): Each[] =>
  targets.filter(({ target }) => isVisible(target)).sort((a, b) => compareServices(a.target, b.target))

function buildPart(id: string, name: string, now: Condition, bars: readonly DayBar[]): Part {
  const sum = (pick: 'up' | 'down') => bars.reduce((all, { minutes }) => all + minutes[pick], 0)
  return {
    ...{ id, name, now, days: bars.map(formatDay) },
    percent: getAvailability({ up: sum('up'), down: sum('down') }),
  }
}

export function formatDay({ day, percent, minutes: { up, down, warning } }: DayBar): Day {
  const known = down < up ? 'partly' : 'down'
  const whole = down === 0 ? 'up' : known
  return { date: day, kind: percent === null ? 'none' : whole, percent, down, slow: warning }
}

function buildLatency(
  history: History,
  config: Config,
  { id, limits }: Check<QuickContext>,
  now: number,
): Latency {
  const to = Math.ceil(now / hourMs) * hourMs
  const from = to - plotDays * dayMs
  const known = new Map(getLatencySeries(history, id, { from, to, now }).map((point) => [point.at, point]))
  const points = Array.from({ length: (to - from) / hourMs }, (_, index) => {
    const at = from + index * hourMs
    const { p50 = null, p95 = null } = known.get(at) ?? {}
    return { at, p50, p95 }
  })
  return { id, name: getServiceName(id), points, from, to, limitMs: limits!(config).warning }
}

function buildMonth({ from, end, sloPercent, site, targets }: SloReport): Month {
  const none = { p50: null, p95: null, p99: null }
  return {
    ...{ from, to: end, goal: sloPercent },
    budget: site && site.percent !== null ? site.budget : null,
    rows: [
      ...(site ? [{ id: 'site', name: siteName, ...toRow(site), ...none }] : []),
      ...selectVisible(targets).map(({ target, latency, ...rest }) => {
        const { p50, p95, p99 } = latency ?? none
        return { id: target, name: getServiceName(target), ...toRow(rest), p50, p95, p99 }
      }),
    ],
  }
}

const toRow = ({ percent, minutes }: NonNullable<SloReport['site']>) => ({
  percent,
  down: minutes.down,
  notKnown: minutes.notKnown,
})
