import type { Config } from '../../config/config.ts'
import { getAvailability } from '../slo/availability.ts'
import { type DayBar, dailyBars } from '../slo/days.ts'
import { latencySeries } from '../slo/latency.ts'
import { getTerms, type SloReport, sloReport } from '../slo/sloReport.ts'
import type { History } from '../store/store.ts'
import { getCondition, getHeadline, siteCondition } from './headline.ts'
import { selectNoticed, selectOngoing, toPublicIncident } from './incidents.ts'
import { byImportance, getServiceName, isVisible } from './labels.ts'
import type { Condition, Day, Latency, Month, Part, StatusView } from './types.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const barDays = 90
const plotDays = 30
const siteName = 'The site as a whole'

/** Reads what the page shows: all of one moment. Throws as lib/history does. */
export const statusView = (history: History, config: Config, now: number): StatusView =>
  history.snapshot(() => {
    const newest = history.latest('here', now)
    const seenAt = Math.max(...newest.filter(({ target }) => isVisible(target)).map(({ at }) => at))
    const today = Math.floor(now / dayMs) * dayMs
    const lately = { from: today - (barDays - 1) * dayMs, to: now }
    const planned = history.planned(lately).toReversed()
    const noticed = history
      .incidents({ from: lately.from, to: now + 1 })
      .flatMap((incident) => selectNoticed(history, incident, now) ?? [])
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
      parts: partsOf(history, now, (target) =>
        target === undefined
          ? siteCondition(newest, now)
          : getCondition(
              newest.find((seen) => seen.target === target),
              now,
            ),
      ),
      latency: ['static', 'api'].map((id) => latencyOf(history, config, id, now)),
      month: monthOf(sloReport(history, getTerms(config), { ...monthAround(now), now })),
      troubles: noticed.sort((a, b) => b.start - a.start).flatMap(toPublicIncident),
      works: planned
        .filter(({ from }) => from <= now)
        .map(({ kind, from, to }) => ({ kind, start: from, end: Math.min(to, now) })),
    }
  })

/** The month (UTC) that a moment lies in. */
export function monthAround(now: number): { from: number; to: number } {
  const date = new Date(now)
  const first = (month: number) => Date.UTC(date.getUTCFullYear(), month)
  return { from: first(date.getUTCMonth()), to: first(date.getUTCMonth() + 1) }
}

function partsOf(
  history: History,
  now: number,
  condition: (target: string | undefined) => Condition,
): Part[] {
  const { site, targets } = dailyBars(history, { days: barDays, now })
  const visible = targets.filter(({ target }) => isVisible(target))
  return [
    part('site', siteName, condition(undefined), site),
    ...visible
      .sort((a, b) => byImportance(a.target, b.target))
      .map(({ target, days }) => part(target, getServiceName(target), condition(target), days)),
  ]
}

function part(id: string, name: string, now: Condition, bars: readonly DayBar[]): Part {
  const sum = (pick: 'up' | 'down') => bars.reduce((all, { minutes }) => all + minutes[pick], 0)
  return {
    ...{ id, name, now, days: bars.map(formatDay) },
    percent: getAvailability({ up: sum('up'), down: sum('down') }),
  }
}

export function formatDay({ day, percent, minutes: { up, down, warning } }: DayBar): Day {
  const kind = percent === null ? 'none' : down === 0 ? 'up' : down < up ? 'partly' : 'down'
  return { date: day, kind, percent, down, slow: warning }
}

function latencyOf(history: History, { health }: Config, id: string, now: number): Latency {
  const to = Math.ceil(now / hourMs) * hourMs
  const from = to - plotDays * dayMs
  const known = new Map(latencySeries(history, id, { from, to, now }).map((point) => [point.at, point]))
  const points = Array.from({ length: (to - from) / hourMs }, (_, index) => {
    const at = from + index * hourMs
    const { p50 = null, p95 = null } = known.get(at) ?? {}
    return { at, p50, p95 }
  })
  const limitMs = (id === 'static' ? health.staticMs : health.apiMs).warning
  return { id, name: getServiceName(id), points, from, to, limitMs }
}

function monthOf({ from, end, sloPercent, site, targets }: SloReport): Month {
  const none = { p50: null, p95: null, p99: null }
  const visible = targets
    .filter(({ target }) => isVisible(target))
    .sort((a, b) => byImportance(a.target, b.target))
  return {
    ...{ from, to: end, goal: sloPercent },
    budget: site && site.percent !== null ? site.budget : null,
    rows: [
      ...(site ? [{ id: 'site', name: siteName, ...row(site), ...none }] : []),
      ...visible.map(({ target, latency, ...rest }) => {
        const { p50, p95, p99 } = latency ?? none
        return { id: target, name: getServiceName(target), ...row(rest), p50, p95, p99 }
      }),
    ],
  }
}

const row = ({ percent, minutes }: NonNullable<SloReport['site']>) => ({
  percent,
  down: minutes.down,
  notKnown: minutes.notKnown,
})
