import type { CommonFlags } from '../../cli/defineScript.ts'
import { usageError } from '../../util/errors.ts'
import { parsePastTime } from '../../util/time.ts'
import type { Vantage } from '../store/types.ts'

export interface SloFlags extends CommonFlags {
  month?: string
  since?: string
  until?: string
  from?: string
}

/** What `slo` is asked for. Milliseconds since 1970, [from, to). */
export interface SloRange {
  from: number
  to: number
  now: number
  vantage: Vantage
}

/** The month of UTC that is asked for, this one unless said otherwise, or --since and --until. Throws (exit 2). */
export function readSloFlags(flags: SloFlags, now = new Date()): SloRange {
  const { month, since, until, from = 'here' } = flags
  if (from !== 'here' && from !== 'vps')
    throw usageError(`--from=${from} is no vantage point`, 'Give here or vps.')
  if (month !== undefined && (since !== undefined || until !== undefined))
    throw usageError('--month is a range by itself', 'Give it alone, or --since and --until.')
  const rest = { now: now.getTime(), vantage: from } as const
  if (since === undefined && until === undefined) return { ...monthOf(month, now), ...rest }
  if (since === undefined)
    throw usageError(`--until=${until} does not say from when`, 'Add --since, or give --month.')
  const begin = parsePastTime(since, now).getTime()
  const end = until === undefined ? now.getTime() : parsePastTime(until, now, '--until').getTime()
  if (begin >= end)
    throw usageError(`--until=${until} is not after --since=${since}`, 'Give the earlier one as --since.')
  return { from: begin, to: end, ...rest }
}

function monthOf(words: string | undefined, now: Date): { from: number; to: number } {
  const name = words ?? now.toISOString().slice(0, 7)
  const [, year, month] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(name) ?? []
  if (!year || !month) throw usageError(`--month=${words} is not a month`, 'Give it as 2026-11.')
  const from = Date.UTC(Number(year), Number(month) - 1)
  if (from > now.getTime()) throw usageError(`--month=${words} lies ahead`, 'Give a month that has begun.')
  return { from, to: Date.UTC(Number(year), Number(month)) }
}
