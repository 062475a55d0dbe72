/** How a field is shown. `measure` is a number followed by the row's own `unit`. */
export type Format = 'text' | 'mono' | 'number' | 'money' | 'measure' | 'ago' | 'date' | 'status' | 'council'

/** A dash for unknown values: never an invented zero. */
export const UNKNOWN = '–'

export function formatNumber(value: number | undefined, digits = 2): string {
  if (value === undefined) return UNKNOWN
  return value.toLocaleString('en-US', { maximumFractionDigits: digits })
}

/** An unknown or missing currency code falls back to the plain number. */
export function formatMoney(value: number | undefined, currency: string): string {
  if (value === undefined) return UNKNOWN
  try {
    return value.toLocaleString('en-US', { style: 'currency', currency, maximumFractionDigits: 2 })
  } catch {
    return formatNumber(value)
  }
}

/** A figure without its unit; two decimals when the unit is an ISO 4217 currency. */
export function formatMeasure(value: number | undefined, unit: string): string {
  if (value === undefined) return UNKNOWN
  const digits = /^[A-Z]{3}$/.test(unit) ? 2 : 0
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: 2 })
}

export function formatDate(time: number | undefined): string {
  if (time === undefined) return UNKNOWN
  return new Date(time).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })
}

const STEPS: [limit: number, seconds: number, unit: Intl.RelativeTimeFormatUnit][] = [
  [60, 1, 'second'],
  [3_600, 60, 'minute'],
  [86_400, 3_600, 'hour'],
  [30 * 86_400, 86_400, 'day'],
  [365 * 86_400, 30 * 86_400, 'month'],
  [Number.POSITIVE_INFINITY, 365 * 86_400, 'year'],
]
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

export function formatAgo(time: number | undefined, now: number = Date.now()): string {
  if (time === undefined) return 'never'
  const seconds = (time - now) / 1000
  for (const [limit, size, unit] of STEPS) {
    if (Math.abs(seconds) < limit) return relative.format(Math.round(seconds / size), unit)
  }
  return UNKNOWN
}

/** `treasury.daily_inflow` reads as "Treasury daily inflow"; used for labels the backend sends as identifiers. */
export function humanize(identifier: string): string {
  const words = identifier.replace(/[._-]+/g, ' ').trim()
  return words.charAt(0).toUpperCase() + words.slice(1)
}
