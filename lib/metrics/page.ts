import { intervalMs, type MetricId, metricIds, type Span } from '../azure/metrics.ts'
import { escapeHtml } from '../html/escape.ts'
import { type ChartPoint, legendMark, lineChart } from '../html/lineChart.ts'
import { pageStyle } from '../html/style.ts'
import { formatUtc } from '../util/time.ts'
import { failureLines, formatAmount, formatShare, formatSpan, metricTitles } from './formatMetrics.ts'
import type { Answers, Figures, Usage } from './usage.ts'

/** The charts of a container; network in and out share one. */
const charts: { title: string; metrics: MetricId[]; base: 1000 | 1024 }[] = [
  { title: 'CPU', metrics: ['cpu'], base: 1000 },
  { title: 'Memory', metrics: ['memory'], base: 1024 },
  { title: 'Network', metrics: ['received', 'sent'], base: 1000 },
]

/** A standalone page without scripts or requests, in light and dark. */
export async function renderMetricsPage(answers: Answers, span: Span, environment: string): Promise<string> {
  const sections = await Promise.all(
    Object.entries(answers).map(
      ([name, { value }], index) => value && renderSection(name, value, index, span),
    ),
  )
  const title = `Container metrics, ${environment}`
  const failures = failureLines(answers).map((line) => `<li>${escapeHtml(line)}</li>`)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${pageStyle}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(formatSpan(span))}. Gaps mean no data.
CPU is in millicores (m), % is relative to the container limit.</p>
${failures.length > 0 ? `<ul class="failures">${failures.join('')}</ul>` : ''}
${sections.join('\n')}
</main>
</body>
</html>
`
}

async function renderSection(name: string, usage: Usage, index: number, span: Span): Promise<string> {
  const figures = await Promise.all(
    charts.map(async ({ title, metrics, base }, number) => {
      const svg = await lineChart({
        ...{
          id: `chart-${index}-${number}`,
          title: `${title} of ${name}`,
          from: span.from,
          to: span.to,
          base,
        },
        description: metrics.map((id) => describeMetric(id, usage.metrics[id])).join(' '),
        lines: metrics.map((id) => chartPoints(usage.metrics[id], metrics.length === 1)),
        format: (value) => formatAmount(metrics[0]!, value),
      })
      return `<figure><figcaption>${renderCaption(title, metrics, usage)}</figcaption>${svg}</figure>`
    }),
  )
  const heading = escapeHtml(name)
  return `<section aria-labelledby="group-${index}">
<h2 id="group-${index}">${heading} <small>${usage.cpu} CPU, ${usage.memoryGb} GB</small></h2>
<div class="charts">${figures.join('')}</div>
${summaryTable(heading, usage)}
${pointsTable(heading, usage, span)}
</section>`
}

/** Two bands in one chart would cover each other. */
const chartPoints = ({ points }: Figures, band: boolean): ChartPoint[] =>
  points.map(({ at, average: value, minimum: low, maximum: high }) => {
    return band ? { at, value, low, high } : { at, value }
  })

function renderCaption(title: string, metrics: readonly MetricId[], usage: Usage): string {
  if (metrics.length > 1) {
    const names = metrics.map((id) => metricTitles[id].replace('Network ', ''))
    return `${title}, ${names.map((name, index) => `${legendMark(index)} ${name}`).join(', ')}`
  }
  const figures = usage.metrics[metrics[0]!]
  const { summary, allowed } = figures
  if (!allowed) return escapeHtml(title)
  const most = summary ? formatShare(summary.maximum, figures) : '?'
  return escapeHtml(`${title}: at most ${most} of ${formatAmount(metrics[0]!, allowed)}`)
}

function describeMetric(id: MetricId, figures: Figures): string {
  const { summary } = figures
  if (!summary) return `${metricTitles[id]}: no data.`
  const { minimum, average, maximum, last } = summary
  const share = figures.allowed ? ` (${formatShare(maximum, figures)} of the limit)` : ''
  return `${metricTitles[id]}: ${formatAmount(id, minimum)} to ${formatAmount(id, maximum)}${share}, ${formatAmount(id, average)} on average, ${formatAmount(id, last)} last.`
}

function summaryTable(heading: string, { metrics }: Usage): string {
  const rows = metricIds.map((id) => {
    const figures = metrics[id]
    const { summary } = figures
    if (!summary) return renderRow(metricTitles[id], ['no data', '', '', '', ''])
    const { minimum, average, maximum, last } = summary
    const cells = [minimum, average, maximum, last].map((figure) => formatAmount(id, figure))
    return renderRow(metricTitles[id], [...cells, formatShare(maximum, figures) || '–'])
  })
  return renderTable(heading, ['', 'min', 'avg', 'max', 'last', 'max %'], rows)
}

function pointsTable(heading: string, { metrics }: Usage, { interval }: Span): string {
  const days = intervalMs(interval) >= 900_000
  const rows = metrics.cpu.points.map(({ at }, index) => {
    const cells = metricIds.map((id) => {
      const average = metrics[id].points[index]?.average
      return typeof average === 'number' ? formatAmount(id, average) : '–'
    })
    return renderRow(formatUtc(at).slice(days ? 5 : 11), cells)
  })
  const columns = ['UTC', ...metricIds.map((id) => metricTitles[id])]
  return `<details><summary>All figures of ${heading}</summary>${renderTable(`${heading}, mean of each interval`, columns, rows)}</details>`
}

/** Cells contain no markup. On a narrow page a figure may wrap before its unit, but not before %. */
const renderRow = (head: string, cells: readonly string[]): string =>
  `<tr><th scope="row">${escapeHtml(head)}</th>${cells.map((cell) => `<td>${escapeHtml(cell.replace(' %', '\u00a0%'))}</td>`).join('')}</tr>`

const renderTable = (caption: string, columns: readonly string[], rows: readonly string[]): string =>
  `<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table><caption>${caption}</caption><thead><tr>` +
  `${columns.map((column) => (column ? `<th scope="col">${column}</th>` : '<td></td>')).join('')}</tr></thead>` +
  `<tbody>${rows.join('')}</tbody></table></div>`
