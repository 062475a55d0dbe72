import type { VpsContext } from '../tasks/task.ts'
import { exitCode, OpsError } from '../util/errors.ts'
import { formatDuration } from '../util/format.ts'
import { type Judged, judgedFailure, type Verdict } from '../util/verdict.ts'
import type { Check, Observation, QuickContext, Result } from './check.ts'

export const webTimeoutMs = 10_000
/** az and ssh take seconds to answer even when nothing is wrong. */
export const loginTimeoutMs = 30_000

/** The context of checks that need no login. */
export const createQuickContext = (
  context: VpsContext,
  options: Partial<Omit<QuickContext, 'context'>> = {},
): QuickContext => ({
  context,
  now: new Date(),
  signal: new AbortController().signal,
  requestTimeoutMs: 15_000,
  timed: false,
  filled: false,
  ...options,
})

/** Runs a check as part of `health`, within its time limit. What cannot be checked is UNKNOWN. */
export function observe<Needs extends QuickContext>(check: Check<Needs>, context: Needs) {
  const quick = check.needs === 'nothing'
  const { timeoutMs = quick ? webTimeoutMs : loginTimeoutMs, silence = quick ? 'CRITICAL' : 'UNKNOWN' } =
    check
  return runCheck(check, context, { timeoutMs, silence, onError: judgeUnknown })
}

function judgeUnknown(thrown: unknown): Result {
  const silent = !(thrown instanceof OpsError) || thrown.exitCode === exitCode.unknown
  return { ...judgedFailure(thrown), verdict: 'UNKNOWN', ...(silent ? { silent } : {}) }
}

interface RunOptions extends Pick<Check, 'timeoutMs' | 'silence'> {
  /** Turns an error into a verdict. */
  onError?: (thrown: unknown) => Judged
}

/**
 * Runs one check and resolves to its result, at the latest when its time limit ends. Rejects only when the
 * signal is aborted.
 */
export async function runCheck<Needs extends QuickContext>(
  check: Check<Needs>,
  context: Needs,
  { timeoutMs, silence = 'UNKNOWN', onError = judgedFailure }: RunOptions = {},
): Promise<Observation> {
  const { signal } = context
  signal.throwIfAborted()
  const started = performance.now()
  const ends = new AbortController()
  const over = Promise.withResolvers<Result>()
  const late = () => {
    const detail = `no answer within ${formatDuration(timeoutMs!)}`
    over.resolve({ verdict: silence, detail, silent: true })
    ends.abort()
  }
  const timer = timeoutMs && setTimeout(late, timeoutMs)
  const stopped = () => {
    over.reject(signal.reason)
    ends.abort()
  }
  signal.addEventListener('abort', stopped, { once: true })
  try {
    const running = check.run({ ...context, signal: ends.signal }).catch(onError)
    const result = await Promise.race([over.promise, running])
    return { probe: check, ...result, took: Math.round(performance.now() - started) }
  } finally {
    clearTimeout(timer || undefined)
    signal.removeEventListener('abort', stopped)
  }
}

/** Runs checks in parallel; the failure of one does not stop the others. */
export const runChecks = <Needs extends QuickContext>(
  checks: readonly Check<Needs>[],
  context: Needs,
): Promise<Observation[]> => Promise.all(checks.map((check) => runCheck(check, context)))

/** A WARNING passes: something needs attention later, but the deployment works. */
export const hasPassed = ({ verdict }: Judged): boolean => verdict === 'OK' || verdict === 'WARNING'

/** A result with advice, unless it is OK. */
export const judge = (verdict: Verdict, detail: string, next: string): Result =>
  verdict === 'OK' ? { verdict, detail } : { verdict, detail, next }

/** Throws an OpsError, which makes the check CRITICAL, when the condition does not hold. */
export function assertThat(condition: unknown, wrong: string): asserts condition {
  if (!condition) throw new OpsError({ what: wrong })
}
