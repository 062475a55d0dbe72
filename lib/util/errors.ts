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
  /** The application itself failed, not the connection to it: it did not become healthy, or it gave wrong answers. */
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

/** The remote state is unknown (exit 3), because without an answer nothing can be concluded. */
export const unknownError = (what: string, said?: string, next?: string): OpsError =>
  new OpsError({ what, said, next, exitCode: exitCode.unknown })

/** A cloud did not answer, or nobody is logged in. A plan reports this and continues; a run ends. */
export const isUnanswered = (thrown: unknown): thrown is OpsError =>
  thrown instanceof OpsError &&
  (thrown.exitCode === exitCode.unknown || thrown.exitCode === exitCode.notLoggedIn)

export const getMessage = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown)
