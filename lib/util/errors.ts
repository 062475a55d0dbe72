/** Exit codes of every script but health, which uses those of monitoring plugins. */
export const exitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  unknown: 3,
  notLoggedIn: 4,
  locked: 5,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const

export interface Failure {
  /** What failed, in one sentence. */
  what: string
  /** The tool's own output, verbatim; it is redacted before it is printed. */
  said?: string | undefined
  /** What the operator can do about it. */
  next?: string | undefined
  exitCode?: number
  /** The application itself failed, not the way to it: it does not become healthy, or gives wrong answers. */
  application?: true
}

/** The only error that scripts throw on purpose: one sentence, the tool's output, and what to do. */
export class OpsError extends Error {
  readonly failure: Failure
  constructor(failure: Failure) {
    super(failure.what)
    this.name = 'OpsError'
    this.failure = failure
  }
  get exitCode(): number {
    return this.failure.exitCode ?? exitCode.failed
  }
}

export const usageError = (what: string, next?: string): OpsError =>
  new OpsError({ what, next, exitCode: exitCode.usage })

/** The remote state is unknown (exit 3): no answer allows no conclusion. */
export const unknownError = (what: string, said?: string, next?: string): OpsError =>
  new OpsError({ what, said, next, exitCode: exitCode.unknown })

/** A cloud did not answer, or nobody is logged in: a plan reports it and continues, a run ends. */
export const isUnanswered = (thrown: unknown): thrown is OpsError =>
  thrown instanceof OpsError &&
  (thrown.exitCode === exitCode.unknown || thrown.exitCode === exitCode.notLoggedIn)

export const getMessage = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown)

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
  if (!(thrown instanceof OpsError))
    return { verdict: 'UNKNOWN', detail: thrown instanceof Error ? thrown.message : String(thrown) }
  const { what, said, next } = thrown.failure
  const known = thrown.exitCode === exitCode.failed || thrown.exitCode === exitCode.usage
  const words = said?.trim().split('\n')[0]
  return {
    verdict: known ? 'CRITICAL' : 'UNKNOWN',
    detail: words ? `${what}: ${words}` : what,
    next,
  }
}
