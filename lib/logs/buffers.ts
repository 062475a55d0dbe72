import type { LogLine } from './parse.ts'

/** Lines of a text; what stands behind the last newline is one that may still grow. */
export function splitLines(text: string): { lines: string[]; growing: boolean } {
  const lines = text.split('\n')
  const growing = lines.at(-1) !== ''
  if (!growing) lines.pop()
  return { lines, growing }
}

/**
 * What is new in a window that moves along a log.
 * @param before the last lines that were seen
 * @param now a later look
 * @returns undefined when the two do not meet: lines are missing between them, or the log has begun anew
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
    // The last line may have been seen before it was whole.
    return now.slice(now[same] === last ? length : length - 1)
  }
  return undefined
}

/** How much older than a line before it a line may be: several processes write one log, each at its own pace. */
const maxSkewMs = 1000
/** Lines held at most; in a busier second than that the oldest of them go. */
const maxHeld = 10_000

/**
 * Puts lines that are nearly in order of time quite in order: holds the newest second of them.
 * @param batches an empty one says: these were all there are until now; then nothing is held any longer
 */
export async function* sortBatches(batches: AsyncIterable<LogLine[]>): AsyncGenerator<LogLine[]> {
  let held: LogLine[] = []
  for await (const batch of batches) {
    held = [...held, ...batch].sort(byTime)
    const settled = batch.length === 0 ? held.length : firstAfter(held, getTime(held.at(-1)!) - maxSkewMs)
    const ready = held.splice(0, Math.max(settled, held.length - maxHeld))
    if (ready.length > 0) yield ready
    if (batch.length === 0) yield []
  }
  if (held.length > 0) yield held
}

/** A line that nobody can date comes first. */
const getTime = ({ at }: LogLine): number => at ?? Number.MIN_SAFE_INTEGER
const byTime = (one: LogLine, other: LogLine): number => getTime(one) - getTime(other)

function firstAfter(lines: readonly LogLine[], time: number): number {
  const index = lines.findIndex((line) => getTime(line) > time)
  return index < 0 ? lines.length : index
}

/**
 * Lets lines through, of those that are there already only the last `count`. It never holds more than these.
 * @param give gets them, in order
 */
export function createTail(
  count: number | undefined,
  give: (lines: readonly LogLine[]) => Promise<void>,
): {
  take(lines: readonly LogLine[]): Promise<void>
  /** Gives what is held. */
  flush(): Promise<void>
  /** From now on everything is let through. */
  open(): Promise<void>
} {
  let limit = count
  let held: LogLine[] = []
  let oldest = 0
  const flush = async () => {
    const lines = [...held.slice(oldest), ...held.slice(0, oldest)]
    held = []
    oldest = 0
    if (lines.length > 0) await give(lines)
  }
  return {
    flush,
    async open() {
      await flush()
      limit = undefined
    },
    async take(lines) {
      if (limit === undefined) return give(lines)
      for (const line of limit === 0 ? [] : lines) {
        if (held.length < limit) held.push(line)
        else {
          held[oldest] = line
          oldest = (oldest + 1) % limit
        }
      }
    },
  }
}
