import { usageError } from './errors.ts'

export const unitMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** `2026-11-23 04:18` in UTC; with seconds `2026-11-23 04:18:05`. */
export const formatUtc = (time: number | string | Date, seconds = false): string =>
  new Date(time)
    .toISOString()
    .slice(0, seconds ? 19 : 16)
    .replace('T', ' ')

/** `20261123T041805Z`: the UTC time for file names, so that they sort by age. */
export const formatTimestamp = (time: number | Date): string =>
  new Date(time).toISOString().replaceAll(/[-:]|\.\d+/g, '')

// Date.parse accepts many other forms (a bare number is a year), but only ISO 8601 is unambiguous.
const dateOrTime = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/

/** Parses an ISO 8601 time (local without a zone) or date (local midnight). Returns an invalid Date for anything else. */
export function parseDateTime(words: string): Date {
  if (!dateOrTime.test(words)) return new Date('')
  const day = words.slice(0, 10)
  // Date would read the 30th of February as the 2nd of March.
  const read = new Date(`${day}T00:00Z`)
  if (Number.isNaN(read.getTime()) || read.toISOString().slice(0, 10) !== day) return new Date('')
  // Date would read a date without a time as midnight UTC.
  return new Date(words.length === 10 ? `${words}T00:00` : words.replace(' ', 'T'))
}

/** Milliseconds of `30m`, `2h`, `1h30m`; undefined for any other text. */
export function parseDuration(words: string): number | undefined {
  if (!/^([0-9]{1,6}[smhdw])+$/.test(words)) return undefined
  const parts = words.match(/[0-9]+[smhdw]/g)!
  return parts.reduce((sum, part) => sum + Number.parseInt(part, 10) * unitMs[part.at(-1)!]!, 0)
}

/**
 * Parses the value of a flag as a time in the future: a duration from now (`30m`, `2h`, `1d`), a local time of day
 * (`03:30`: the next one), or a date and time (ISO 8601; local time without a zone). Throws (exit 2) an error that names the flag.
 */
export function parseFutureTime(flag: string, words: string, now = new Date()): Date {
  const moment = parseFuture(words, now)
  if (Number.isNaN(moment.getTime())) {
    throw usageError(
      `${flag}=${words} is not a valid time`,
      'Use a duration such as 30m, 2h or 1d, a time of day such as 03:30, or a date and time such as 2026-11-23T03:30Z.',
    )
  }
  if (moment <= now)
    throw usageError(`${flag}=${words} is in the past: ${moment.toISOString()}`, 'Use a time in the future.')
  return moment
}

function parseFuture(words: string, now: Date): Date {
  const [, number, unit] = /^([1-9][0-9]{0,3})([mhd])$/.exec(words) ?? []
  if (number && unit) return new Date(now.getTime() + Number(number) * unitMs[unit]!)
  const [, hour, minute] = /^([01]?[0-9]|2[0-3]):([0-5][0-9])$/.exec(words) ?? []
  if (hour && minute) {
    const today = new Date(now)
    today.setHours(Number(hour), Number(minute), 0, 0)
    if (today <= now) today.setDate(today.getDate() + 1)
    return today
  }
  return parseDateTime(words)
}

/**
 * Parses the value of `--since`, or another flag, as a time in the past: a duration ago (`30m`, `1h`, `2d`, `1h30m`), or a
 * date and time (ISO 8601; local time without a zone). Throws (exit 2) an error that names the flag.
 */
export function parsePastTime(words: string, now = new Date(), flag = '--since'): Date {
  const ago = parseDuration(words.trim())
  const moment = ago === undefined ? parseDateTime(words.trim()) : new Date(now.getTime() - ago)
  if (Number.isNaN(moment.getTime())) {
    throw usageError(
      `${flag}=${words} is not a valid time`,
      'Use a duration such as 30m, 1h, 2d or 1h30m, or a date and time such as 2026-11-23T03:30Z.',
    )
  }
  if (moment > now)
    throw usageError(`${flag}=${words} is in the future: ${moment.toISOString()}`, 'Use a time in the past.')
  return moment
}
