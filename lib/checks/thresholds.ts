import type { Limits } from '../config/config.ts'
import type { Verdict } from '../util/status.ts'

/** From a limit on it counts: 500 ms is a WARNING where the limit is 500. */
export function byLimits(value: number, { warning, critical }: Limits): Verdict {
  if (value >= critical) return 'CRITICAL'
  return value >= warning ? 'WARNING' : 'OK'
}

/** The same where less is worse; here only what is below the limit counts. */
export function byLowLimits(value: number, { warning, critical }: Limits): Verdict {
  if (value < critical) return 'CRITICAL'
  return value < warning ? 'WARNING' : 'OK'
}
