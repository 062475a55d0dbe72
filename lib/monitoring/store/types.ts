import type { Verdict } from '../../util/status.ts'

/** Why a sample is excluded from availability: it counts neither as up nor as down. */
export type Excluded = 'network' | 'maintenance' | 'deploy'

export interface Sample {
  /** The probe's id (`static`, `api`, `api-councils`, `queue` …) or the URL of an additional target. */
  target: string
  verdict: Verdict
  /** Milliseconds until the complete answer had arrived; null when there was no answer or nothing was timed. */
  ms: number | null
  /** Why it is not OK, on one line; empty when it is. */
  cause: string
  /** Explained by planned work: this sample is excluded although the run counts. */
  keptOut?: boolean
}

/** Where a check ran: on this machine or on the VPS. Availability uses `here` unless stated otherwise. */
export type Origin = 'here' | 'vps'

/** The samples of one health check, all with the same time. */
export interface CheckRun {
  from?: Origin
  at: number
  samples: readonly Sample[]
  excluded?: Excluded
}

/** A period of planned work, from receipts and maintenance mode. Milliseconds since 1970. */
export interface Planned {
  /** The receipt's id, or the start time of the maintenance. */
  id: string
  kind: 'deploy' | 'maintenance'
  from: number
  to: number
  /** `deploy-complete by anna@desk`, or the reason of the maintenance. */
  what: string
}

/** A confirmed fault. Times are milliseconds since 1970. */
export interface Incident {
  id: number
  from: number
  /** null while it is ongoing. */
  to: number | null
  /** The worst severity: 1 WARNING, 2 CRITICAL, 3 CRITICAL and visible to visitors. */
  rank: 1 | 2 | 3
  targets: readonly string[]
  /** One line. */
  cause: string
}

/** An alert that was not sent yet. */
export interface QueuedAlert {
  id: number
  channel: string
  /** An `Alert`, see monitoring/alerts. */
  alert: unknown
  /** When it was queued, in ms since 1970. */
  since: number
  /** Queueing counts as the first attempt. */
  tries: number
  /** Why the last attempt failed; empty before. */
  error: string
}

/** The result of the last run of `health`. `at`: milliseconds since 1970. */
export interface LastRun {
  at: number
  exitCode: number
  line: string
}
