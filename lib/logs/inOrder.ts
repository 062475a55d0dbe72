import type { Line } from './line.ts'

/** How much older than a line before it a line may be: several processes write one log, each at its own pace. */
const reachMs = 1000
/** Lines held at most; in a busier second than that the oldest of them go. */
const mostHeld = 10_000

/**
 * Puts lines that are nearly in order of time quite in order: holds the newest second of them.
 * @param batches an empty one says: these were all there are until now; then nothing is held any longer
 */
export async function* inOrder(batches: AsyncIterable<Line[]>): AsyncGenerator<Line[]> {
  let held: Line[] = []
  for await (const batch of batches) {
    held = [...held, ...batch].sort(byTime)
    const settled = batch.length === 0 ? held.length : firstAfter(held, timeOf(held.at(-1)!) - reachMs)
    const ready = held.splice(0, Math.max(settled, held.length - mostHeld))
    if (ready.length > 0) yield ready
    if (batch.length === 0) yield []
  }
  if (held.length > 0) yield held
}

/** A line that nobody can date comes first. */
const timeOf = ({ at }: Line): number => at ?? Number.MIN_SAFE_INTEGER
const byTime = (one: Line, other: Line): number => timeOf(one) - timeOf(other)

function firstAfter(lines: readonly Line[], time: number): number {
  const index = lines.findIndex((line) => timeOf(line) > time)
  return index < 0 ? lines.length : index
}
