import { intervalMs, type MetricId, type Span } from '../azure/metrics.ts'
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

function scaled(figure: number, base: number, units: readonly string[]): string {
  // Rounding must not leave 1024 of a unit: 1023.99 KiB is 1 MiB.
  const power = units.findLastIndex((_, index) => figure >= base ** index * 0.9995)
  const exponent = Math.max(0, power)
  return `${digits(figure / base ** exponent)} ${units[exponent]}`
}

/** Three digits that matter, and no more: 0.125, 1.25, 12.5, 125, 1250. */
const digits = (figure: number): string =>
  figure >= 100 ? figure.toFixed(0) : String(Number(figure.toPrecision(3)))

/** `2026-11-23 12:00 to 13:00 UTC, every 1 min`. */
export function spanWords({ from, to, interval }: Span): string {
  const [start, end] = [from, to].map((at) => at.toISOString().slice(0, 16).replace('T', ' '))
  const sameDay = start!.slice(0, 10) === end!.slice(0, 10)
  const minutes = intervalMs(interval) / 60_000
  const every = minutes >= 60 ? `${minutes / 60} h` : `${minutes} min`
  return `${start} to ${sameDay ? end!.slice(11) : end} UTC, every ${every}`
}
