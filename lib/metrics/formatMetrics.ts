import { intervalMs, type MetricId, metricIds, type Span } from '../azure/metrics.ts'
import {
  type Column,
  formatDuration,
  formatFigure,
  formatScaled,
  formatTable,
  sparkline,
} from '../util/format.ts'
import { formatUtc } from '../util/time.ts'
import type { Answers, Figures, Usage } from './usage.ts'

/** Formats a line for each metric of each container, with a sparkline. */
export function formatMetrics(answers: Answers, span: Span, unicode: boolean): string {
  const figures = ['min', 'avg', 'max', 'last', 'avg %', 'max %']
  const columns: Column[] = [
    ...['Container', 'Metric'].map((heading) => ({ heading })),
    ...figures.map((heading) => ({ heading, align: 'right' as const })),
    { heading: unicode ? 'Trend, 0 … max' : 'Trend, 0 to max' },
  ]
  const rows = Object.entries(answers).flatMap(([name, { value }]) =>
    value ? formatRows(name, value, unicode) : [],
  )
  const table = [formatTable(columns, rows), 'CPU in millicores (m); % of the container limit.']
  return [formatSpan(span), ...(rows.length > 0 ? table : []), ...failureLines(answers)].join('\n')
}

function formatRows(name: string, { metrics, cpu, memoryGb }: Usage, unicode: boolean): string[][] {
  const second = `  ${cpu} CPU, ${memoryGb} GB`
  return metricIds.map((id, index) => {
    const figures = metrics[id]
    const { summary } = figures
    const first = [name, second][index] ?? ''
    if (!summary) return [first, metricTitles[id], 'no data']
    const { minimum, average, maximum, last } = summary
    const averages = figures.points.map((point) => point.average)
    return [
      ...[first, metricTitles[id]],
      ...[minimum, average, maximum, last].map((figure) => formatAmount(id, figure)),
      ...[formatShare(average, figures), formatShare(maximum, figures)],
      sparkline(averages, { unicode }),
    ]
  })
}

const listFailures = (answers: Answers) =>
  Object.entries(answers).flatMap(([name, { failure }]) => (failure ? [{ name, what: failure.message }] : []))

export const failureLines = (answers: Answers): string[] =>
  listFailures(answers).map(({ name, what }) => `✖ ${name}: ${what}`)

/** The same as JSON: times in ISO 8601, units in the keys, null without measurements. */
export function toMetricsJson(answers: Answers, { from, to, interval }: Span): object {
  const units = { cpu: 'millicores', memory: 'bytes', received: 'bytes/s', sent: 'bytes/s' } as const
  const groups = Object.entries(answers).flatMap(([name, { value }]) => {
    if (!value) return []
    const { cpu, memoryGb } = value
    const metrics = metricIds.map((id) => {
      const { points, summary = null, allowed = null } = value.metrics[id]
      return [id, { unit: units[id], allowed, summary, points }]
    })
    return [{ name, cpu, memoryGb, metrics: Object.fromEntries(metrics) }]
  })
  const failures = listFailures(answers)
  return { ok: failures.length === 0, from, to, interval, groups, failures }
}

export const metricTitles: Readonly<Record<MetricId, string>> = {
  cpu: 'CPU',
  memory: 'Memory',
  received: 'Network in',
  sent: 'Network out',
}

/** A figure with its unit: `12 m` (millicores), `118 MiB`, `1.2 kB/s`. */
export function formatAmount(metric: MetricId, figure: number): string {
  if (metric === 'cpu') return `${formatFigure(figure)} m`
  if (metric === 'memory') return formatScaled(figure, 1024, ['B', 'KiB', 'MiB', 'GiB'])
  return formatScaled(figure, 1000, ['B/s', 'kB/s', 'MB/s', 'GB/s'])
}

export const formatShare = (figure: number, { allowed }: Figures): string =>
  allowed ? `${((figure / allowed) * 100).toFixed(1)} %` : ''

/** `2026-11-23 12:00 to 13:00 UTC, every 1 min`. */
export function formatSpan({ from, to, interval }: Span): string {
  const [start, end] = [formatUtc(from), formatUtc(to)]
  const sameDay = start.slice(0, 10) === end.slice(0, 10)
  return `${start} to ${sameDay ? end.slice(11) : end} UTC, every ${formatDuration(intervalMs(interval))}`
}
