import { usageError } from '../command/errors.ts'
import { readDateTime, unitMs } from './dateTime.ts'

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
  if (number && unit) return new Date(now.getTime() + Number(number) * unitMs[unit]!)
  const [, hour, minute] = /^([01]?[0-9]|2[0-3]):([0-5][0-9])$/.exec(words) ?? []
  if (hour && minute) {
    const today = new Date(now)
    today.setHours(Number(hour), Number(minute), 0, 0)
    if (today <= now) today.setDate(today.getDate() + 1)
    return today
  }
  return readDateTime(words)
}
