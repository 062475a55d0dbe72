import { formatDuration, formatList } from '../../util/format.ts'
import { type Column, formatTable } from '../../util/table.ts'
import { formatUtc } from '../../util/time.ts'
import type { Incident, Planned } from '../store/types.ts'
import { formatPercent } from './availability.ts'
import type { Availability, Latency, SloReport } from './sloReport.ts'

/**
 * The report as text: the objective and its budget, a line for each target, incidents, planned work.
 * @param width of the terminal, to which incident lines are cut; undefined: no limit
 */
export function formatSlo(report: SloReport, domain: string, width?: number): string {
  const { from, to, end, site, incidents, deploys, maintenances } = report
  const still = end > to ? `, ${formatDuration(end - to)} left` : ''
  const parts = [
    `${domain}, ${time(from, to - from)} to ${time(to, to - from)} UTC${still}${report.vantage === 'vps' ? ', checked from the VPS' : ''}`,
    ...(site ? [formatPromise(site, report)] : []),
    targetTable(report),
    incidents.length > 0 ? incidentTable(incidents, width) : 'No incidents.',
  ]
  const planned = [...deploys, ...maintenances].sort((a, b) => a.from - b.from)
  if (planned.length > 0) parts.push(plannedTable(planned))
  return parts.join('\n\n')
}

function formatPromise(
  { percent, met, minutes, budget }: Availability,
  { sloPercent: slo, from, to }: SloReport,
): string {
  if (percent === null) return `SLO ${slo} %: no data about the site in this range.`
  const { total, used, left } = budget
  const kept = minutes.ahead > 0 ? 'met so far' : 'met'
  const words = met ? kept : 'missed'
  const rest = left < 0 ? `overdrawn by ${formatMinutes(-left)}` : `${formatMinutes(left)} left`
  // 100 % of a minute and a half is not 100 % of a month, so say how much is known.
  const share =
    minutes.notKnown * 60 >= 1
      ? ` of the ${formatMinutes(minutes.up + minutes.down)} counted (range ${formatDuration(to - from)}, unknown ${formatMinutes(minutes.notKnown)})`
      : ''
  return `SLO ${slo} %: ${words}, the site was up ${formatPercent(percent)}${share}; budget ${formatMinutes(total)}, ${formatMinutes(used)} used, ${rest}`
}

const right = (heading: string): Column => ({ heading, align: 'right' })

function targetTable({ site, targets }: SloReport): string {
  const figures = 'up, down, budget left, p50 ms, p95 ms, p99 ms, limit ms, excluded, unknown'.split(', ')
  const columns = [{ heading: 'Target' }, ...figures.map(right)]
  const row = (name: string, { percent, minutes, budget }: Availability, latency: Latency | null) => [
    ...[name, percent === null ? 'unknown' : formatPercent(percent), formatMinutes(minutes.down)],
    percent === null ? '' : formatMinutes(budget.left),
    ...(latency ? [latency.p50, latency.p95, latency.p99] : ['', '', '']).map(String),
    formatLimit(latency),
    ...[formatMinutes(minutes.keptOut), formatMinutes(minutes.notKnown)],
  ]
  return formatTable(columns, [
    ...(site ? [row('site', site, null)] : []),
    ...targets.map((each) => row(each.target, each, each.latency)),
  ])
}

const formatLimit = (latency: Latency | null): string =>
  latency?.limits ? `${latency.met ? '' : 'exceeded '}${latency.limits.warning}` : ''

const ranks = { 1: 'WARNING', 2: 'CRITICAL', 3: 'CRITICAL, visible' } as const

function incidentTable(incidents: readonly Incident[], width?: number): string {
  const table = formatTable(
    ['Incident', 'end', 'lasted', 'worst', 'targets', 'cause'].map((heading) => ({ heading })),
    incidents.map(({ from, to, rank, targets, cause }) => {
      const about = [ranks[rank], formatList(targets, 3), trimCause(cause, targets)]
      if (to === null) return [time(from), 'ongoing', '', ...about]
      return [time(from, to - from), time(to, to - from), formatDuration(to - from), ...about]
    }),
  )
  if (!width) return table
  const cut = (line: string): string => (line.length > width ? `${line.slice(0, width - 1)}…` : line)
  return table.split('\n').map(cut).join('\n')
}

/** Removes the targets from a cause that starts with exactly these targets. */
function trimCause(cause: string, targets: readonly string[]): string {
  const [, names = '', said = ''] =
    /^((?:[^\s,;]+, )*[^\s,;]+?)(?: and \d+ more)?:? ([^;]+)$/.exec(cause) ?? []
  return names !== '' && names.split(', ').every((name) => targets.includes(name)) ? said : cause
}

const plannedTable = (planned: readonly Planned[]): string =>
  formatTable(
    ['Planned', 'end', 'lasted', 'kind', 'what'].map((heading) => ({ heading })),
    planned.map(({ from, to, kind, what }) => [time(from), time(to), formatDuration(to - from), kind, what]),
  )

/** Times of short ranges include seconds. */
const time = (ms: number, lengthMs = Number.POSITIVE_INFINITY): string => formatUtc(ms, lengthMs < 120_000)

const formatMinutes = (minutes: number): string =>
  `${minutes < 0 ? '-' : ''}${formatDuration(Math.abs(minutes) * 60_000)}`

/** The same as JSON: times in ISO 8601, minutes as numbers. */
export function toSloJson(report: SloReport, domain: string): object {
  const iso = (ms: number): string => new Date(ms).toISOString()
  const period = <Value extends { from: number; to: number | null }>(value: Value) => ({
    ...value,
    from: iso(value.from),
    to: value.to === null ? null : iso(value.to),
  })
  const { from, to, end, incidents, deploys, maintenances, ...rest } = report
  return {
    ...{ ok: true, domain, from: iso(from), to: iso(to), end: iso(end), ...rest },
    incidents: incidents.map(period),
    deploys: deploys.map(period),
    maintenances: maintenances.map(period),
  }
}
