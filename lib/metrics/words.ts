import { intervalMs, type MetricId, type Span } from '../azure/metrics.ts'
import { digits, scaled } from '../command/words.ts'
import type { Figures } from './usage.ts'

export const metricTitles: Readonly<Record<MetricId, string>> = {
  cpu: 'CPU',
  memory: 'Memory',
  received: 'Network in',
  sent: 'Network out',
}

/** A figure with its unit: `12 m` (thousandths of a core), `118 MiB`, `1.2 kB/s`. */
export function amount(metric: MetricId, figure: number): string {
  if (metric === 'cpu') return `${digits(figure)} m`
  if (metric === 'memory') return scaled(figure, 1024, ['B', 'KiB', 'MiB', 'GiB'])
  return scaled(figure, 1000, ['B/s', 'kB/s', 'MB/s', 'GB/s'])
}

export const perCent = (figure: number, { allowed }: Figures): string =>
  allowed ? `${((figure / allowed) * 100).toFixed(1)} %` : ''

/** `2026-11-23 12:00 to 13:00 UTC, every 1 min`. */
export function spanWords({ from, to, interval }: Span): string {
  const [start, end] = [from, to].map((at) => at.toISOString().slice(0, 16).replace('T', ' '))
  const sameDay = start!.slice(0, 10) === end!.slice(0, 10)
  const minutes = intervalMs(interval) / 60_000
  const every = minutes >= 60 ? `${minutes / 60} h` : `${minutes} min`
  return `${start} to ${sameDay ? end!.slice(11) : end} UTC, every ${every}`
}
