import { StringDecoder } from 'node:string_decoder'
import type { Dating, Line } from './parse.ts'

/** Whole lines of a stream of bytes, chunk by chunk; the last one may lack its newline. */
export async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string[]> {
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

/** Lines that wait for a time stamp to come; more of them go on without one. */
const mostUndated = 1000

/**
 * Dates the lines of one source. A line without a time of its own (a traceback's second line) has that of the line before
 * it; at the very beginning that of the first that has one. Lines older than `since` are left out.
 */
export function dater(
  source: string,
  dating: Dating,
  since?: number,
): {
  take(texts: readonly string[]): Line[]
  /** What still waits for a time when the source ends, or has nothing more to say for now. */
  rest(): Line[]
} {
  let last: number | undefined
  let waiting: Line[] = []
  const wanted = ({ at }: Line) => since === undefined || at === undefined || at >= since
  return {
    take(texts) {
      const lines: Line[] = []
      for (const raw of texts) {
        const { at = last, text } = dating(raw)
        if (at === undefined && waiting.length < mostUndated) {
          waiting.push({ at, source, text })
          continue
        }
        for (const line of waiting) lines.push({ ...line, at })
        if (waiting.length > 0) waiting = []
        last = at
        lines.push({ at, source, text })
      }
      return lines.filter(wanted)
    },
    rest() {
      const lines = waiting
      waiting = []
      return lines
    },
  }
}
