import type { LogLine } from './parse.ts'

/** Splits text into lines; an unterminated last line may still grow. */
export function splitLines(text: string): { lines: string[]; growing: boolean } {
  const lines = text.split('\n')
  const growing = lines.at(-1) !== ''
  if (!growing) lines.pop()
  return { lines, growing }
}

/**
 * The new lines of a window that moves along a log.
 * @param before the last lines already seen
 * @param now a later read
 * @returns undefined when the two do not overlap: lines are missing in between, or the log has restarted
 */
export function findNewLines(before: readonly string[], now: readonly string[]): string[] | undefined {
  if (before.length === 0) return [...now]
  for (let from = 0; from < before.length; from++) {
    const length = before.length - from
    if (length > now.length) continue
    let same = 0
    while (same < length - 1 && before[from + same] === now[same]) same++
    const last = before.at(-1)!
    if (same < length - 1 || !now[same]!.startsWith(last)) continue
    // The last line may have been read before it was complete.
    return now.slice(now[same] === last ? length : length - 1)
  }
  return undefined
}

/** How far lines may be out of order: several processes write one log, each at its own pace. */
const maxSkewMs = 1000
/** Maximum buffered lines; in a busier second the oldest are released early. */
const maxHeld = 10_000

/**
 * Sorts lines that are nearly in order by buffering the latest second.
 * @param batches an empty batch means that all existing lines have been passed; the buffer is then flushed
 */
export async function* sortBatches(batches: AsyncIterable<LogLine[]>): AsyncGenerator<LogLine[]> {
  let held: LogLine[] = []
  for await (const batch of batches) {
    held = [...held, ...batch].sort(byTime)
    const latest = getTime(held.at(-1)) - maxSkewMs
    const settled =
      batch.length === 0 ? held.length : held.findLastIndex((line) => getTime(line) <= latest) + 1
    const ready = held.splice(0, Math.max(settled, held.length - maxHeld))
    if (ready.length > 0) yield ready
    if (batch.length === 0) yield []
  }
  if (held.length > 0) yield held
}

/** Lines without a time come first. */
const getTime = (line: LogLine | undefined): number => line?.at ?? Number.MIN_SAFE_INTEGER
const byTime = (one: LogLine, other: LogLine): number => getTime(one) - getTime(other)

/**
 * Passes lines on, but only the last `count` of the existing ones; it buffers at most twice as many.
 * @param give receives the lines in order
 */
export function createTail(count: number | undefined, give: (lines: readonly LogLine[]) => Promise<void>) {
  let limit = count
  let held: LogLine[] = []
  /** Passes on what is buffered. */
  const flush = async () => {
    const lines = takeLast(held, limit ?? 0)
    held = []
    if (lines.length > 0) await give(lines)
  }
  return {
    flush,
    /** From now on, passes on every line. */
    async open() {
      await flush()
      limit = undefined
    },
    async take(lines: readonly LogLine[]) {
      if (limit === undefined) return give(lines)
      held.push(...takeLast(lines, limit))
      if (held.length > 2 * limit) held = takeLast(held, limit)
    },
  }
}

export const takeLast = <T>(list: readonly T[], count: number): T[] => (count > 0 ? list.slice(-count) : [])
