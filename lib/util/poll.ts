import { setTimeout as pause } from 'node:timers/promises'

export interface PollOptions {
  /** Milliseconds between one attempt and the next; as a function, by how many there have been. */
  readonly intervalMs: number | ((attempts: number) => number)
  /** No attempt begins later than this; the first is always made. */
  readonly timeoutMs?: number
  readonly attempts?: number
  /** Rejects with an AbortError as soon as it is aborted. */
  readonly signal?: AbortSignal
  /** What to throw when the time or the attempts are used up. Without it the result is then undefined. */
  readonly describe?: () => unknown
}

/**
 * Repeats an attempt until it gives something other than undefined, and gives that. What the attempt throws ends it.
 * @param attempt gets how many there have been, from 1
 */
export function poll<Value>(
  attempt: (count: number) => Promise<Value | undefined>,
  options: PollOptions & { describe: () => unknown },
): Promise<Value>
export function poll<Value>(
  attempt: (count: number) => Promise<Value | undefined>,
  options: PollOptions,
): Promise<Value | undefined>
export async function poll<Value>(
  attempt: (count: number) => Promise<Value | undefined>,
  {
    intervalMs,
    timeoutMs = Number.POSITIVE_INFINITY,
    attempts = Number.POSITIVE_INFINITY,
    ...rest
  }: PollOptions,
): Promise<Value | undefined> {
  const { signal, describe } = rest
  const deadline = performance.now() + timeoutMs
  for (let count = 1; ; count++) {
    signal?.throwIfAborted()
    const value = await attempt(count)
    if (value !== undefined) return value
    if (count >= attempts) break
    const wait = typeof intervalMs === 'number' ? intervalMs : intervalMs(count)
    if (performance.now() + wait > deadline) break
    await pause(wait, undefined, signal ? { signal } : {})
  }
  if (describe) throw describe()
  return undefined
}
