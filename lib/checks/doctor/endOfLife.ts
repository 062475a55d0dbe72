import { formatCount } from '../../util/format.ts'
import type { Judged } from '../../util/status.ts'
import { fail, pass, warn } from './check.ts'

const day = 86_400_000
/** Long enough to plan a move in. */
const ahead = 180 * day

/** How near the day is on which something ends. `ends` is an ISO date; undefined: nothing is known of it. */
export function retires(what: string, ends: string | undefined, now: Date): Judged {
  if (ends === undefined) return { verdict: 'UNKNOWN', detail: `${what}: when it ends is not in the table` }
  const left = Date.parse(ends) - now.getTime()
  if (left <= 0) return fail(`${what} ended on ${ends}`)
  const days = Math.floor(left / day)
  if (left < ahead) return warn(`${what} ends on ${ends}, in ${formatCount(days, 'day')}`)
  return pass(`${what} ends on ${ends}`)
}
