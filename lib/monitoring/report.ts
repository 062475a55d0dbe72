import type { Figure } from '../checks/check.ts'
import type { Phases } from '../net/http.ts'
import { formatCount, formatDuration, formatList } from '../util/format.ts'
import { bySeverity, type Verdict } from '../util/verdict.ts'
import type { Excluded, Origin } from './store/store.ts'

/** The result of one probe, for all output formats. */
export interface ProbeReport {
  id: string
  title: string
  from: Origin
  verdict: Verdict
  detail: string
  next?: string
  visible: boolean
  ms?: number
  /** Milliseconds from the first request to the verdict. */
  took: number
  phases?: Phases
  figures: readonly Figure[]
  /** `2/3`: how far its fault, or its recovery, is confirmed. */
  progress?: string
  /** Not OK but explained by maintenance or a deploy, so it does not count. */
  planned?: true
}

/** An alert that is queued in the history for the next run. */
export interface Unsent {
  channel: string
  kind: string
  since: string
  tries: number
  error: string
}

/** The result of one health check; `--json` prints this object. Times are ISO 8601 in UTC. */
export interface Report {
  ok: boolean
  verdict: Verdict
  /** 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. */
  exitCode: number
  at: string
  /** The complete plugin line, with performance data. */
  line: string
  domain: string
  environment: string
  quick: boolean
  /** Why some faults do not count, as text. */
  explained?: string
  /** Set when no fault that counts is left: the run is excluded from availability. */
  excluded?: Excluded
  observations: readonly ProbeReport[]
  incident?: { id: string; since: string; verdict: Verdict; visible: boolean; targets: readonly string[] }
  /** How this run changed the incident: it began, became worse, is due for a reminder, or ended. */
  news?: 'problem' | 'raised' | 'reminder' | 'recovery'
  ended?: { id: string; since: string; until: string; targets: readonly string[] }
  alerts: { sent: readonly { channel: string; kind: string }[]; unsent: readonly Unsent[] }
  /** Problems of the check itself: a quarantined history, a failed ping. */
  trouble: readonly string[]
}

export const toExitCode = (verdict: Verdict): number =>
  ({ OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3 })[verdict]

const maxDetailLength = 200
const maxFaults = 10
/** The probe's name already says what was requested: `api 503`. */
const requestPrefix = /^(https?:\/)?\/\S*(?: answers | says |: )/

/** `CRITICAL - api 503 (2/3); disk 91 % used (1/3)`: the line without its performance data. */
export function formatSummary(report: Omit<Report, 'line'>): string {
  const { verdict, explained, excluded, observations, alerts, trouble } = report
  const bad = observations
    .filter((each) => each.verdict !== 'OK' && !each.planned)
    .sort((a, b) => bySeverity.indexOf(a.verdict) - bySeverity.indexOf(b.verdict))
  const again = observations.filter((each) => each.verdict === 'OK' && each.progress)
  const parts = [
    ...formatEndedIncident(report),
    // A run without a network of its own says nothing about the targets: their details would look like faults.
    ...(excluded === 'network' ? [] : groupFaults(bad)),
    ...(explained ? [explained] : []),
    ...again.map(({ id, progress }) => `${id} recovering (${progress})`),
  ]
  if (parts.length === 0) parts.push(formatAllOk(observations))
  for (const [channel, list = []] of Object.entries(Object.groupBy(alerts.unsent, (each) => each.channel))) {
    const { kind, error } = list[0]!
    const one = list.length === 1
    const which = one ? `the ${kind} alert` : `${list.length} alerts (first: ${kind})`
    parts.push(`${which} could not be sent by ${channel} and ${one ? 'is' : 'are'} queued: ${cut(error)}`)
  }
  return `${verdict} - ${formatIncidentChange(report)}${[...parts, ...trouble].join('; ')}`
}

function formatEndedIncident({ ended }: Pick<Report, 'ended'>): string[] {
  if (!ended) return []
  const lasted = formatDuration(Date.parse(ended.until) - Date.parse(ended.since))
  return [`incident over after ${lasted}: ${formatList(ended.targets, 2)}`]
}

function formatIncidentChange({ news, incident, at }: Pick<Report, 'news' | 'incident' | 'at'>): string {
  if (!incident) return ''
  if (news === 'problem') return 'new incident: '
  if (news === 'raised') return `incident now ${incident.verdict}${incident.visible ? ' for visitors' : ''}: `
  return news === 'reminder'
    ? `incident for ${formatDuration(Date.parse(at) - Date.parse(incident.since))}: `
    : ''
}

function groupFaults(bad: readonly ProbeReport[]): string[] {
  const groups = Map.groupBy(bad, ({ verdict, detail, progress }) =>
    JSON.stringify([verdict, shortenDetail(detail), progress]),
  )
  const parts = [...groups.values()].map((probes) => {
    const { detail, progress } = probes[0]!
    const list = (origin: Origin, suffix = '') => {
      const ids = probes.filter(({ from }) => from === origin).map(({ id }) => id)
      return ids.length > 0 ? [`${formatList(ids, 20)}${suffix}`] : []
    }
    const names = [...list('here'), ...list('vps', ' seen from the VPS')].join(', and ')
    return `${names} ${shortenDetail(detail)}${progress ? ` (${progress})` : ''}`
  })
  return parts.length > maxFaults ? [formatList(parts, maxFaults, '; ')] : parts
}

function formatAllOk(observations: readonly ProbeReport[]): string {
  const timed = observations.filter(({ ms }) => ms !== undefined).sort((a, b) => b.ms! - a.ms!)
  const slowest = timed[0] ? `, slowest: ${timed[0].id}, ${Math.round(timed[0].ms!)} ms` : ''
  return `${formatCount(observations.length, 'probe')}${slowest}`
}

/** A probe's detail without the URL, cut to fit on a line, and without the semicolons that separate faults. */
export const shortenDetail = (detail: string): string =>
  cut(detail.replace(requestPrefix, '').replaceAll('; ', ' / '))

const cut = (text: string): string => {
  const one = text.replaceAll(/\s+/g, ' ').trim()
  return one.length > maxDetailLength ? `${one.slice(0, maxDetailLength)}…` : one
}

/**
 * The line that monitoring systems read: text, a bar and performance data, as the Monitoring Plugins guidelines define
 * it (https://www.monitoring-plugins.org/doc/guidelines.html). Labels are sorted, so that their order never changes.
 */
export function formatPluginLine(report: Omit<Report, 'line'>): string {
  const data = report.observations
    .flatMap(collectFigures)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(formatPerfdata)
  const text = toPlainText(formatSummary(report))
  return data.length > 0 ? `${text} | ${data.join(' ')}` : text
}

/** The figures of a probe; its duration is labelled with the probe's id. */
export function collectFigures({ id, from, ms, figures }: ProbeReport): Figure[] {
  const timed = ms === undefined || figures.some(({ name }) => name === id)
  const all = timed ? figures : [{ name: id, value: ms, unit: 'ms' as const }, ...figures]
  return from === 'vps' ? all.map((each) => ({ ...each, name: `vps ${each.name}` })) : [...all]
}

/** `'api'=812ms;500;2000;0`: label, value with unit, warning, critical, minimum, maximum. */
export function formatPerfdata({ name, value, unit, limits }: Figure): string {
  // A quote is doubled; a label cannot contain an equals sign.
  const label = toPlainText(name).replaceAll("'", "''").replaceAll('=', '_')
  // The alert range ends at the limit or, where less is worse, starts there.
  const lessIsWorse = limits !== undefined && limits.warning > limits.critical
  const range = (limit: number | undefined) =>
    limit === undefined ? '' : `${formatNumber(limit)}${lessIsWorse ? ':' : ''}`
  const shown = unit === 'ms' ? formatNumber(Math.round(value)) : formatNumber(value)
  const most = unit === '%' ? ';100' : ''
  return `'${label}'=${shown}${shown === 'U' ? '' : unit};${range(limits?.warning)};${range(limits?.critical)};0${most}`
}

/** Digits and a decimal point only, without exponent or locale. */
const formatNumber = (value: number): string =>
  Number.isFinite(value) ? value.toFixed(3).replace(/\.?0+$/, '') : 'U'

/** One line without a bar, which separates the performance data. */
const toPlainText = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .replaceAll('|', '¦')
    .trim()
