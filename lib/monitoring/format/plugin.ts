import type { Figure } from '../../checks/check.ts'
import { formatSummary, type ProbeReport, type Report } from '../report.ts'

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
