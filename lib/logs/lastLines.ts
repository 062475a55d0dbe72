import type { Line } from './line.ts'

/**
 * Lets lines through, of those that are there already only the last `count`. It never holds more than these.
 * @param give gets them, in order
 */
export function lastLines(
  count: number | undefined,
  give: (lines: readonly Line[]) => Promise<void>,
): {
  take(lines: readonly Line[]): Promise<void>
  /** Gives what is held. */
  flush(): Promise<void>
  /** From now on everything is let through. */
  open(): Promise<void>
} {
  let limit = count
  let held: Line[] = []
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
