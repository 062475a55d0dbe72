import type { CommonFlags, Run } from '../../cli/defineScript.ts'
import { type Config, formatScriptLine } from '../../config/config.ts'
import { exitCode, unknownError, usageError } from '../../util/errors.ts'
import { type Column, formatDuration, formatList, formatTable } from '../../util/format.ts'
import { formatUtc, parsePastTime } from '../../util/time.ts'
import { hourMs } from '../store/intervals.ts'
import {
  type History,
  historyFile,
  type Incident,
  type Origin,
  type Planned,
  readHistory,
} from '../store/store.ts'
import {
  type Availability,
  buildSloReport,
  formatPercent,
  getTerms,
  type Latency,
  type SloReport,
} from './sloReport.ts'

/** Prints the report of a range. Throws (exit 3) when there is no history, or none for that range. */
export async function showSlo(run: Run<SloFlags>, config: Config, range: SloRange): Promise<number> {
  const history = await readHistory(historyFile(config))
  try {
    const report = buildSloReport(history, getTerms(config), range)
    if (report.targets.length === 0) throw noDataError(run, history, range)
    const width = process.stdout.isTTY ? process.stdout.columns : undefined
    run.result(formatSlo(report, config.domain, width), toSloJson(report, config.domain))
    return exitCode.done
  } finally {
    history.close()
  }
}

function noDataError(run: Run<SloFlags>, history: History, { from, to, vantage, now }: SloRange) {
  const where = vantage === 'vps' ? ' from the VPS' : ''
  const what = `No check ran${where} between ${formatUtc(from)} UTC and ${formatUtc(Math.min(to, now))} UTC`
  const origin = vantage === 'vps' ? ['--from', 'vps'] : []
  const newest = Math.max(...history.latest(vantage, now).map(({ at }) => at))
  if (!Number.isFinite(newest)) {
    const next = `${formatScriptLine('health', ...origin)} runs a check and records it.`
    return unknownError(what, undefined, next)
  }
  const { rollups } = history.rollups({ from: 0, to: now + 1, now, vantage })
  const first = Math.min(newest, ...rollups.map(({ hour }) => hour * hourMs))
  // Running the same command again would produce the same answer.
  const more = [...origin, ...(run.flags.json ? ['--json'] : [])]
  run.resumeCommand = formatScriptLine('slo', '--month', formatUtc(newest).slice(0, 7), ...more)
  return unknownError(
    what,
    undefined,
    `There are checks${where} from ${formatUtc(first)} UTC to ${formatUtc(newest)} UTC: ${run.resumeCommand}`,
  )
}

export type SloFlags = CommonFlags & { month?: string; since?: string; until?: string; from?: string }

type SloRange = ReturnType<typeof parseSloFlags>

/** The requested month in UTC (default: the current one), or --since and --until, as ms since 1970. Throws (exit 2). */
export function parseSloFlags(flags: SloFlags, now = new Date()) {
  const { month, since, until, from = 'here' } = flags
  if (from !== 'here' && from !== 'vps')
    throw usageError(`Unknown location "${from}" for --from`, 'Supported: here, vps.')
  if (month !== undefined && (since !== undefined || until !== undefined))
    throw usageError(
      '--month cannot be combined with --since or --until',
      'Use either --month or --since with --until.',
    )
  const rest: { now: number; vantage: Origin } = { now: now.getTime(), vantage: from }
  if (since === undefined && until === undefined) return { ...parseMonth(month, now), ...rest }
  if (since === undefined) throw usageError(`--until=${until} needs a start`, 'Add --since, or use --month.')
  const begin = parsePastTime(since, now).getTime()
  const end = until === undefined ? now.getTime() : parsePastTime(until, now, '--until').getTime()
  if (begin >= end)
    throw usageError(`--until=${until} is not after --since=${since}`, 'Specify the earlier time as --since.')
  return { from: begin, to: end, ...rest }
}

function parseMonth(words: string | undefined, now: Date): { from: number; to: number } {
  const name = words ?? formatUtc(now).slice(0, 7)
  const [, year, month] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(name) ?? []
  if (!year || !month) throw usageError(`--month=${words} is not a month`, 'Specify it as 2026-11.')
  const from = Date.UTC(Number(year), Number(month) - 1)
  if (from > now.getTime())
    throw usageError(`--month=${words} is in the future`, 'Specify the current or a past month.')
  return { from, to: Date.UTC(Number(year), Number(month)) }
}

/** The report as text; incident lines are cut to the `width` of the terminal, if there is one. */
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
