import { exitCode, getMessage, OpsError } from './errors.ts'

/** The states of monitoring plugins. */
export type Verdict = 'OK' | 'WARNING' | 'CRITICAL' | 'UNKNOWN'

/** The state of one thing, and what it was concluded from. */
export interface Judged {
  verdict: Verdict
  detail: string
  /** What to do about it, unless it is OK. */
  next?: string | undefined
}

export interface Finding extends Judged {
  id: string
  title: string
}

/** The worst first; UNKNOWN ranks below what is known to be wrong. */
export const bySeverity: readonly Verdict[] = ['CRITICAL', 'WARNING', 'UNKNOWN', 'OK']

export const worstVerdict = (findings: readonly Pick<Judged, 'verdict'>[]): Verdict =>
  bySeverity.find((verdict) => findings.some((each) => each.verdict === verdict)) ?? 'UNKNOWN'

/**
 * The exit code of a script that checks: 0 OK, 1 a WARNING or CRITICAL, otherwise 3.
 * @param unanswered the exit code of the first source that gave no answer; UNKNOWN keeps a 4
 */
export function getVerdictCode(verdict: Verdict, unanswered: number = exitCode.unknown): number {
  if (verdict === 'OK') return exitCode.done
  if (verdict !== 'UNKNOWN') return exitCode.failed
  return unanswered === exitCode.notLoggedIn ? unanswered : exitCode.unknown
}

/** The detail of a finding. A fault that several things share is printed once; the others refer to it. */
export function getDetail({ verdict, detail }: Finding, earlier: readonly Finding[]): string {
  const same = earlier.find((each) => verdict !== 'OK' && each.detail === detail)
  return same ? `for the same reason as ${same.title}` : detail
}

/** Turns a failure into a verdict: CRITICAL when something is known to be missing or wrong, otherwise UNKNOWN. */
export function judgedFailure(thrown: unknown): Judged {
  if (!(thrown instanceof OpsError)) return { verdict: 'UNKNOWN', detail: getMessage(thrown) }
  const { what, said, next } = thrown.failure
  const known = thrown.exitCode === exitCode.failed || thrown.exitCode === exitCode.usage
  const words = said?.trim().split('\n')[0]
  return {
    verdict: known ? 'CRITICAL' : 'UNKNOWN',
    detail: words ? `${what}: ${words}` : what,
    next,
  }
}
