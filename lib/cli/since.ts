import { usageError } from '../command/errors.ts'

const units: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

// Date.parse takes much else (a bare number is a year); only ISO 8601 has one meaning.
const dateOrTime = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/

/**
 * The moment behind us that `--since` names: a while ago (`30m`, `1h`, `2d`, `1h30m`), or a date and time (ISO 8601;
 * without a zone, this machine's clock). Throws (exit 2).
 */
export function momentSince(words: string, now = new Date()): Date {
  const moment = read(words.trim(), now)
  if (Number.isNaN(moment.getTime())) {
    throw usageError(
      `--since=${words} is not a time`,
      'Give 30m, 1h, 2d, 1h30m, or a date and time as 2026-11-23T03:30Z.',
    )
  }
  if (moment > now)
    throw usageError(`--since=${words} lies ahead: ${moment.toISOString()}`, 'Give a time that has passed.')
  return moment
}

function read(words: string, now: Date): Date {
  if (/^([0-9]{1,6}[smhdw])+$/.test(words)) {
    const parts = words.match(/[0-9]+[smhdw]/g)!
    const ms = parts.reduce((sum, part) => sum + Number.parseInt(part, 10) * units[part.at(-1)!]!, 0)
    return new Date(now.getTime() - ms)
  }
  if (!dateOrTime.test(words)) return new Date('')
  // A date alone would be read as UTC's midnight.
  return new Date(words.length === 10 ? `${words}T00:00` : words.replace(' ', 'T'))
}
