import { StringDecoder } from 'node:string_decoder'

export interface LogLine {
  /** Milliseconds since 1970; undefined when its time is unknown. */
  at: number | undefined
  /** `backend`, `worker-2`, `access` … */
  source: string
  /** Without its own leading timestamp. */
  text: string
}

export type TimestampParser = (text: string) => Pick<LogLine, 'at' | 'text'>

const stamp = String.raw`(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))? ?(Z|[+-]\d\d:?\d\d)?`
const iso = new RegExp(`^(?:${stamp}(?:\\s|$)|\\[${stamp}\\])`)

/**
 * Parses a leading timestamp: ISO 8601, Python's logging (`2026-11-23 01:10:05,123`) or gunicorn's (`[2026-11-23
 * 01:10:05 +0000]`). Without a zone it is UTC, the zone of containers.
 */
export function parseIsoTimestamp(text: string): ReturnType<TimestampParser> {
  const found = iso.exec(text)
  if (!found) return { at: undefined, text }
  const bracketed = found[1] === undefined
  const [date, hour, minute, second, fraction, zone] = found.slice(bracketed ? 7 : 1, bracketed ? 13 : 7)
  const start = Date.parse(`${date}T00:00:00Z`)
  const ms = Number((fraction ?? '').padEnd(3, '0').slice(0, 3))
  const at = start + toMilliseconds(hour, minute, second) + ms - parseOffset(zone)
  if (Number.isNaN(at)) return { at: undefined, text }
  return { at, text: bracketed ? text : text.slice(found[0].length) }
}

/**
 * Parses a container's line as Azure returns it with `timestamps`: Azure's stamp first, then the program's own, which
 * takes precedence.
 */
export function parseContainerTimestamp(text: string): ReturnType<TimestampParser> {
  const outer = parseIsoTimestamp(text)
  if (outer.at === undefined) return outer
  const inner = parseIsoTimestamp(outer.text)
  return inner.at === undefined ? outer : inner
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
// Includes the quote after it: nginx escapes quotes sent by visitors, so nobody can inject an earlier timestamp.
const accessTime = /\[(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})\] "/

/** Parses nginx's access log in the `combined` format: `$time_local` in brackets. The text stays unchanged. */
export function parseAccessTimestamp(text: string): ReturnType<TimestampParser> {
  const found = accessTime.exec(text)
  if (!found) return { at: undefined, text }
  const [, day, month, year, hour, minute, second, zone] = found
  const start = Date.UTC(Number(year), months.indexOf(month!), Number(day))
  return { at: start + toMilliseconds(hour, minute, second) - parseOffset(zone), text }
}

const errorTime = /^(\d{4})\/(\d\d)\/(\d\d) (\d\d):(\d\d):(\d\d) /

/**
 * Parses nginx's error log: the server's local time without a zone.
 * @param zone the server's time zone in the IANA database; if unknown, `offset` is used: `+0100`
 */
export function createErrorTimestampParser(zone: string, offset: string): TimestampParser {
  const hourStart = localHours(zone, offset)
  return (text) => {
    const found = errorTime.exec(text)
    if (!found) return { at: undefined, text }
    const [whole, year, month, day, hour, minute, second] = found
    const at = hourStart(Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour)))
    return { at: at + toMilliseconds('0', minute, second), text: text.slice(whole.length) }
  }
}

/** Converts the start of an hour on a local clock (as if it were UTC) to real time; each hour is computed once. */
function localHours(zone: string, offset: string): (local: number) => number {
  const known = new Map<number, number>()
  const offsetAt = zoneOffsets(zone) ?? (() => parseOffset(offset))
  return (local) => {
    const at = known.get(local) ?? local - offsetAt(local - offsetAt(local))
    known.set(local, at)
    return at
  }
}

/** The offset of a zone from UTC at a given time, in milliseconds; undefined for a zone unknown to this Node. */
function zoneOffsets(timeZone: string): ((at: number) => number) | undefined {
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
    return (at) => parseOffset(/GMT(\S*)$/.exec(format.format(at))?.[1])
  } catch {
    return undefined
  }
}

/** `+01:00`, `-0530`, `Z`, nothing → milliseconds. */
function parseOffset(zone: string | undefined): number {
  const found = /^([+-])(\d\d):?(\d\d)$/.exec(zone ?? '')
  if (!found) return 0
  return (found[1] === '-' ? -1 : 1) * toMilliseconds(found[2], found[3], '0')
}

const toMilliseconds = (hour = '0', minute = '0', second = '0'): number =>
  ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000

/** Yields complete lines of a byte stream, chunk by chunk; the last one may lack its newline. */
export async function* readLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string[]> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const chunk of bytes) {
    const lines = (rest + decoder.write(chunk as Buffer)).split('\n')
    rest = lines.pop()!
    if (lines.length > 0) yield lines
  }
  rest += decoder.end()
  if (rest !== '') yield [rest]
}

/** Maximum lines that wait for a timestamp; beyond it they are passed on without one. */
const maxUndated = 1000

/**
 * Parses the lines of one source. A line without a timestamp (a traceback's second line) takes that of the line
 * before it; at the very start, that of the first line that has one. Lines older than `since` are dropped.
 */
export function createLineParser(source: string, parse: TimestampParser, since?: number) {
  let last: number | undefined
  const waiting: LogLine[] = []
  const wanted = ({ at }: LogLine) => since === undefined || at === undefined || at >= since
  return {
    take(texts: readonly string[]): LogLine[] {
      const lines: LogLine[] = []
      for (const raw of texts) {
        const { at = last, text } = parse(raw)
        if (at === undefined && waiting.length < maxUndated) {
          waiting.push({ at, source, text })
          continue
        }
        if (waiting.length > 0) lines.push(...waiting.splice(0).map((line) => ({ ...line, at })))
        last = at
        lines.push({ at, source, text })
      }
      return lines.filter(wanted)
    },
    /** Lines that still wait for a timestamp when the source ends or pauses. */
    rest: (): LogLine[] => waiting.splice(0),
  }
}
