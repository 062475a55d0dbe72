import { usageError } from './errors.ts'

/** Milliseconds of the units in which a flag names a while. */
export const unitMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

// Date.parse takes much else (a bare number is a year); only ISO 8601 has one meaning.
const dateOrTime = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/

/**
 * A date and time (ISO 8601; without a zone, this machine's clock), or a date: its midnight on this machine's clock.
 * An invalid Date when it is neither, or names a day that no calendar has.
 */
export function parseDateTime(words: string): Date {
  if (!dateOrTime.test(words)) return new Date('')
  const day = words.slice(0, 10)
  // The 30th of February would be read as the 2nd of March.
  const read = new Date(`${day}T00:00Z`)
  if (Number.isNaN(read.getTime()) || read.toISOString().slice(0, 10) !== day) return new Date('')
  // A date alone would be read as UTC's midnight.
  return new Date(words.length === 10 ? `${words}T00:00` : words.replace(' ', 'T'))
}

/** Milliseconds of `30m`, `2h`, `1h30m`; undefined when it is no such text. */
function parseDuration(words: string): number | undefined {
  if (!/^([0-9]{1,6}[smhdw])+$/.test(words)) return undefined
  const parts = words.match(/[0-9]+[smhdw]/g)!
  return parts.reduce((sum, part) => sum + Number.parseInt(part, 10) * unitMs[part.at(-1)!]!, 0)
}

/**
 * The future moment that a flag names: a while from now (`30m`, `2h`, `1d`), a time of day on this machine's clock
 * (`03:30`: the next one), or a date and time (ISO 8601; without a zone, this machine's). Throws (exit 2) naming the flag.
 */
export function parseFutureTime(flag: string, words: string, now = new Date()): Date {
  const moment = parseFuture(words, now)
  if (Number.isNaN(moment.getTime())) {
    throw usageError(
      `${flag}=${words} is not a time`,
      'Give 30m, 2h, 1d, a time of day as 03:30, or a date and time as 2026-11-23T03:30Z.',
    )
  }
  if (moment <= now)
    throw usageError(`${flag}=${words} lies in the past: ${moment.toISOString()}`, 'Give a time ahead.')
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
 * The past moment that `--since`, or another flag, names: a while ago (`30m`, `1h`, `2d`, `1h30m`), or a date and time
 * (ISO 8601; without a zone, this machine's clock). Throws (exit 2).
 */
export function parsePastTime(words: string, now = new Date(), flag = '--since'): Date {
  const ago = parseDuration(words.trim())
  const moment = ago === undefined ? parseDateTime(words.trim()) : new Date(now.getTime() - ago)
  if (Number.isNaN(moment.getTime())) {
    throw usageError(
      `${flag}=${words} is not a time`,
      'Give 30m, 1h, 2d, 1h30m, or a date and time as 2026-11-23T03:30Z.',
    )
  }
  if (moment > now)
    throw usageError(`${flag}=${words} lies ahead: ${moment.toISOString()}`, 'Give a time that has passed.')
  return moment
}
