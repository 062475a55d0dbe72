import { formatCount } from '../util/format.ts'
import { fail, pass, type Result, unknown, warn } from './check.ts'

const day = 86_400_000
/** Long enough to plan a move in. */
const ahead = 180 * day

/** How near the end of support is. `ends` is an ISO date; undefined: it is not known. */
export function judgeEndOfLife(what: string, ends: string | undefined, now: Date): Result {
  if (ends === undefined) return unknown(`${what}: when it ends is not in the table`)
  const left = Date.parse(ends) - now.getTime()
  if (left <= 0) return fail(`${what} ended on ${ends}`)
  const days = Math.floor(left / day)
  if (left < ahead) return warn(`${what} ends on ${ends}, in ${formatCount(days, 'day')}`)
  return pass(`${what} ends on ${ends}`)
}
