import { usageError } from '../command/errors.ts'
import { readDateTime, unitMs } from './dateTime.ts'

/**
 * The moment behind us that `--since`, or another flag, names: a while ago (`30m`, `1h`, `2d`, `1h30m`), or a date and time (ISO 8601;
 * without a zone, this machine's clock). Throws (exit 2).
 */
export function momentSince(words: string, now = new Date(), flag = '--since'): Date {
  const moment = read(words.trim(), now)
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

function read(words: string, now: Date): Date {
  if (/^([0-9]{1,6}[smhdw])+$/.test(words)) {
    const parts = words.match(/[0-9]+[smhdw]/g)!
    const ms = parts.reduce((sum, part) => sum + Number.parseInt(part, 10) * unitMs[part.at(-1)!]!, 0)
    return new Date(now.getTime() - ms)
  }
  return readDateTime(words)
}
