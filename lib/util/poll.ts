import { setTimeout as pause } from 'node:timers/promises'

export interface PollOptions {
  /** Milliseconds between two attempts, or a function of the number of attempts so far. */
  readonly intervalMs: number | ((attempts: number) => number)
  /** Time in milliseconds after which no new attempt starts. The first attempt is always made. */
  readonly timeoutMs?: number
  readonly attempts?: number
  /** Rejects with an AbortError as soon as it is aborted. */
  readonly signal?: AbortSignal
  /** What to throw when the time or the attempts are used up. Without it, the result is undefined. */
  readonly describe?: () => unknown
}

/**
 * Repeats an attempt until it returns something other than undefined, and returns that. An error that the
 * attempt throws ends the polling.
 * @param attempt receives the number of the attempt, starting at 1
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
