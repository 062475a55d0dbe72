/** Exit codes of every script (health has its own: see DESIGN of the plugin format in lib/health). */
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
  /** What failed, one sentence. */
  what: string
  /** The tool's own words, as it said them; redacted before it is shown. */
  said?: string | undefined
  /** What the operator does next. */
  next?: string | undefined
  exitCode?: number
  /** What failed is the application itself, not the way to it: it does not get healthy, or answers wrongly. */
  application?: true
}

/** The only error that scripts throw on purpose: one human sentence, the tool's words, and what to do. */
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

/** The remote state cannot be known: nothing may be concluded from silence. */
export const unknownError = (what: string, said?: string, next?: string): OpsError =>
  new OpsError({ what, said, next, exitCode: exitCode.unknown })

/** A cloud did not answer, or does not know us: a plan says so and goes on, a run ends. */
export const isUnanswered = (thrown: unknown): thrown is OpsError =>
  thrown instanceof OpsError &&
  (thrown.exitCode === exitCode.unknown || thrown.exitCode === exitCode.notLoggedIn)

/** One line of whatever was thrown. */
export const getMessage = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown)
