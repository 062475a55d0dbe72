import { usageError } from '../command/errors.ts'

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * The moment that a flag names, which must lie ahead: a while from now (`30m`, `2h`, `1d`), a time of day on this
 * machine's clock (`03:30`: the next one), or a date and time (ISO 8601; without a zone, this machine's).
 * Throws (exit 2) naming the flag.
 */
export function momentAhead(flag: string, words: string, now = new Date()): Date {
  const moment = read(words, now)
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

function read(words: string, now: Date): Date {
  const [, number, unit] = /^([1-9][0-9]{0,3})([mhd])$/.exec(words) ?? []
  if (number && unit) return new Date(now.getTime() + Number(number) * units[unit]!)
  const [, hour, minute] = /^([01]?[0-9]|2[0-3]):([0-5][0-9])$/.exec(words) ?? []
  if (hour && minute) {
    const today = new Date(now)
    today.setHours(Number(hour), Number(minute), 0, 0)
    if (today <= now) today.setDate(today.getDate() + 1)
    return today
  }
  // Date.parse takes much else (a bare number is a year); only ISO 8601 has one meaning.
  return new Date(/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/.test(words) ? words : '')
}
