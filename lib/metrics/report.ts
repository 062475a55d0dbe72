import { metricIds, type Span } from '../azure/metrics.ts'
import { sparkline } from '../cli/sparkline.ts'
import { tableText } from '../cli/table.ts'
import type { Answer } from '../command/gather.ts'
import type { Usage } from './usage.ts'
import { amount, metricTitles, perCent, spanWords } from './words.ts'

/** What a person reads: a line for each metric of each container, with its course. */
export function metricsText(
  answers: Readonly<Record<string, Answer<Usage>>>,
  span: Span,
  unicode: boolean,
): string {
  const right = 'right' as const
  const columns = [
    { heading: 'Container' },
    { heading: 'Metric' },
    ...['min', 'avg', 'max', 'last', 'avg %', 'max %'].map((heading) => ({ heading, align: right })),
    { heading: unicode ? 'Course, 0 … max' : 'Course, 0 to max' },
  ]
  const rows = Object.entries(answers).flatMap(([name, { value }]) =>
    value ? rowsOf(name, value, unicode) : [],
  )
  return [
    spanWords(span),
    ...(rows.length > 0
      ? [tableText(columns, rows), 'CPU in thousandths of a core (m); % of what the container may use.']
      : []),
    ...failureLines(answers),
  ].join('\n')
}

function rowsOf(name: string, { metrics, cpu, memoryGb }: Usage, unicode: boolean): string[][] {
  const second = `  ${cpu} CPU, ${memoryGb} GB`
  return metricIds.map((id, index) => {
    const figures = metrics[id]
    const { summary } = figures
    const first = index === 0 ? name : index === 1 ? second : ''
    if (!summary) return [first, metricTitles[id], 'nothing measured']
    const { minimum, average, maximum, last } = summary
    return [
      ...[first, metricTitles[id]],
      ...[minimum, average, maximum, last].map((figure) => amount(id, figure)),
      ...[perCent(average, figures), perCent(maximum, figures)],
      sparkline(
        figures.points.map((point) => point.average),
        { unicode },
      ),
    ]
  })
}

/** What could not be reached or was not there, one line each. */
export const failureLines = (answers: Readonly<Record<string, Answer<Usage>>>): string[] =>
  Object.entries(answers).flatMap(([name, { failure }]) => (failure ? [`✖ ${name}: ${failure.message}`] : []))

/** The same for programs: times in ISO 8601, units in the keys, null where nothing was measured. */
export function metricsData(
  answers: Readonly<Record<string, Answer<Usage>>>,
  { from, to, interval }: Span,
): object {
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
  const failures = Object.entries(answers).flatMap(([name, { failure }]) =>
    failure ? [{ name, what: failure.message }] : [],
  )
  return { ok: failures.length === 0, from, to, interval, groups, failures }
}
