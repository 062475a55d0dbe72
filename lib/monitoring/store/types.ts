import type { Verdict } from '../../util/status.ts'

/** Why a sample is kept out of the arithmetic: neither up nor down counts. */
export type Excluded = 'network' | 'maintenance' | 'deploy'

/** The site is down while one of these is. */
export const siteTargets = ['static', 'api'] as const

/** What one probe saw of one target. */
export interface Sample {
  /** The probe's id: `static`, `api`, `api-councils`, `queue` … or the URL of an extra target. */
  target: string
  verdict: Verdict
  /** Milliseconds until the whole answer was there; null when there was none, or nothing that takes time was asked. */
  ms: number | null
  /** One line: why it is not OK; '' when it is. */
  cause: string
  /** A plan explains it: kept out of the arithmetic by itself, though the look counts. */
  keptOut?: boolean
}

/** Where it was asked from: this machine, or the VPS. The arithmetic is over `here` unless asked otherwise. */
export type Origin = 'here' | 'vps'

/** What one run of the health check saw, all of it at one time. */
export interface CheckRun {
  /** Default: `here`. */
  from?: Origin
  /** Milliseconds since 1970 at which it began. */
  at: number
  samples: readonly Sample[]
  /** Said of the whole look: this machine's network was down, or the fault is planned. */
  excluded?: Excluded
}

/** A stretch of planned trouble, from receipts and maintenance mode. Milliseconds since 1970. */
export interface Planned {
  /** The receipt's id, or when the maintenance began. */
  id: string
  kind: 'deploy' | 'maintenance'
  from: number
  to: number
  /** `deploy-complete by anna@desk`, a maintenance's reason. */
  what: string
}
