import type { Command } from '../shell/command.ts'
import type { Context } from '../tasks/task.ts'
import { unknownError, usageError } from '../util/errors.ts'
import { az } from './cli.ts'

/**
 * The metrics of a container group in Azure Monitor: CPU in thousandths of a core, memory in bytes, network in bytes per
 * second. Source: learn.microsoft.com/azure/azure-monitor/reference/supported-metrics, Microsoft.ContainerInstance/containerGroups
 */
export const metricNames = {
  cpu: 'CpuUsage',
  memory: 'MemoryUsage',
  received: 'NetworkBytesReceivedPerSecond',
  sent: 'NetworkBytesTransmittedPerSecond',
} as const
export type MetricId = keyof typeof metricNames
export const metricIds = Object.keys(metricNames) as MetricId[]

/** One interval. null = no measurement: a gap, not a zero. */
export interface Point {
  /** Start of the interval. */
  at: Date
  average: number | null
  minimum: number | null
  maximum: number | null
}

/** The requested time span, divided into equal intervals. */
export interface Span {
  from: Date
  to: Date
  /** The name in Azure Monitor. */
  interval: Interval
}

const minute = 60_000
const day = 1440 * minute
/** The intervals that container groups support, finest first. */
const intervals = {
  PT1M: minute,
  PT5M: 5 * minute,
  PT15M: 15 * minute,
  PT30M: 30 * minute,
  PT1H: 60 * minute,
  PT6H: 360 * minute,
} as const
export type Interval = keyof typeof intervals
export const intervalMs = (interval: Interval): number => intervals[interval]

const mostPoints = 180
const longest = 30 * day
const shortest = 5 * minute

/**
 * The span from a moment until now, in the finest interval that gives at most 180 points: 1h → 1 min, 6h → 5 min, 1d →
 * 15 min, 7d → 1 h. It starts on the interval's grid, a little earlier, because Azure Monitor counts intervals from the
 * requested start. Throws (exit 2) for a span of less than 5 minutes or more than 30 days, Azure Monitor's limit for
 * one query.
 */
export function spanSince(since: Date, now = new Date()): Span {
  const length = now.getTime() - since.getTime()
  if (length < shortest || length > longest)
    throw usageError(
      `Metrics are shown for 5 minutes to 30 days, not from ${since.toISOString()}`,
      'Use for example --since 1h, 6h, 1d or 7d.',
    )
  const names = Object.keys(intervals) as Interval[]
  const interval = names.find((each) => length / intervals[each] <= mostPoints)!
  const step = intervals[interval]
  return { from: new Date(Math.floor(since.getTime() / step) * step), to: now, interval }
}

/**
 * Queries ARM directly: `az monitor metrics` stops with a traceback where azure-cli and antlr4 are incompatible
 * (Debian's 2.91).
 * @param id ARM's id of the container group
 */
export const metricsCommand = (id: string, { from, to, interval }: Span): Command =>
  az({ accept: [0] })`
    rest --method get --url https://management.azure.com${id}/providers/Microsoft.Insights/metrics
    --url-parameters api-version=2018-01-01 metricnames=${Object.values(metricNames).join(',')}
    timespan=${from.toISOString()}/${to.toISOString()} interval=${interval}
    aggregation=Average,Minimum,Maximum`

/**
 * Reads what one container group used in the span. Throws when Azure does not answer, or not in the documented format.
 */
export const readMetrics = async ({ runner }: Context, id: string, span: Span) =>
  parseMetrics((await runner.run(metricsCommand(id, span))).stdout, span)

interface MetricsReply {
  value: {
    name: { value: string }
    errorCode?: string
    errorMessage?: string
    timeseries: { data: Datum[] }[]
  }[]
}

interface Datum extends Partial<Pick<Point, 'average' | 'minimum' | 'maximum'>> {
  timeStamp: string
}

/**
 * Places the points on the grid of the time span, because Azure Monitor omits intervals. A missing interval
 * becomes a gap. Throws (exit 3) when Azure Monitor reports that a metric failed.
 */
export function parseMetrics(text: string, span: Span): Readonly<Record<MetricId, readonly Point[]>> {
  const reply = JSON.parse(text) as MetricsReply
  const entries = metricIds.map((id) => {
    const metric = reply.value?.find(({ name }) => name.value === metricNames[id])
    if (!metric) throw unknownError(`Azure Monitor returned no ${metricNames[id]}`)
    const { errorCode, errorMessage, timeseries } = metric
    if (errorCode && errorCode !== 'Success')
      throw unknownError(`Azure Monitor could not return ${metricNames[id]} (${errorCode})`, errorMessage)
    const data = timeseries.flatMap((series) => series.data)
    return [id, onGrid(data, span)] as const
  })
  return Object.fromEntries(entries) as Record<MetricId, Point[]>
}

function onGrid(data: readonly Datum[], { from, to, interval }: Span): Point[] {
  const step = intervals[interval]
  const slot = (time: number): number => Math.floor((time - from.getTime()) / step)
  const bySlot = new Map(data.map((datum) => [slot(Date.parse(datum.timeStamp)), datum]))
  return Array.from({ length: slot(to.getTime() - 1) + 1 }, (_, index) => {
    const { average = null, minimum = null, maximum = null } = bySlot.get(index) ?? {}
    return { at: new Date(from.getTime() + index * step), average, minimum, maximum }
  })
}
