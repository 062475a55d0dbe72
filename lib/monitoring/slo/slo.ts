import type { CommonFlags, Run } from '../../cli/defineScript.ts'
import type { Config } from '../../config/config.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import { quoteLine } from '../../shell/quote.ts'
import { exitCode, unknownError, usageError } from '../../util/errors.ts'
import { parsePastTime } from '../../util/time.ts'
import { hourMs } from '../store/intervals.ts'
import { type History, historyFile, readHistory } from '../store/store.ts'
import type { Origin } from '../store/types.ts'
import { formatSlo, toSloJson } from './formatSlo.ts'
import { buildSloReport, getTerms } from './sloReport.ts'

/** Prints the report of a range. Throws (exit 3) when there is no history, or none for that range. */
export async function showSlo(run: Run<SloFlags>, config: Config, range: SloRange): Promise<number> {
  const history = await readHistory(historyFile(config))
  try {
    const report = buildSloReport(history, getTerms(config), range)
    if (report.targets.length === 0) throw noDataError(run, history, range)
    const width = process.stdout.isTTY ? process.stdout.columns : undefined
    run.result(formatSlo(report, config.domain, width), toSloJson(report, config.domain))
    return exitCode.done
  } finally {
    history.close()
  }
}

/** `2026-11-23 04:18 UTC` */
const formatMinute = (ms: number): string =>
  `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`

function noDataError(run: Run<SloFlags>, history: History, { from, to, vantage, now }: SloRange) {
  const where = vantage === 'vps' ? ' from the VPS' : ''
  const what = `No check ran${where} between ${formatMinute(from)} and ${formatMinute(Math.min(to, now))}`
  const times = history.latest(vantage, now).map(({ at }) => at)
  if (times.length === 0) {
    const next = `${formatScriptLine('health', ...(vantage === 'vps' ? ['--from', 'vps'] : []))} runs a check and records it.`
    return unknownError(what, undefined, next)
  }
  const newest = Math.max(...times)
  const { rollups } = history.rollups({ from: 0, to: now + 1, now, vantage })
  const first = Math.min(newest, ...rollups.map(({ hour }) => hour * hourMs))
  // Running the same command again would give the same answer.
  run.resumeCommand = formatSloLine(run.flags, new Date(newest).toISOString().slice(0, 7))
  return unknownError(
    what,
    undefined,
    `There are checks${where} from ${formatMinute(first)} to ${formatMinute(newest)}: ${run.resumeCommand}`,
  )
}

const formatSloLine = ({ env, from = 'here', json }: SloFlags, month: string): string =>
  quoteLine([
    ...['npx', 'dominion', 'slo', '--month', month],
    ...(from === 'here' ? [] : ['--from', from]),
    ...(env === undefined ? [] : ['--env', env]),
    ...(json ? ['--json'] : []),
  ])

export interface SloFlags extends CommonFlags {
  month?: string
  since?: string
  until?: string
  from?: string
}

/** The requested range. Milliseconds since 1970, [from, to). */
interface SloRange {
  from: number
  to: number
  now: number
  vantage: Origin
}

/** The requested month in UTC (default: the current one), or --since and --until. Throws (exit 2). */
export function parseSloFlags(flags: SloFlags, now = new Date()): SloRange {
  const { month, since, until, from = 'here' } = flags
  if (from !== 'here' && from !== 'vps')
    throw usageError(`Unknown location "${from}" for --from`, 'Supported: here, vps.')
  if (month !== undefined && (since !== undefined || until !== undefined))
    throw usageError(
      '--month cannot be combined with --since or --until',
      'Use either --month or --since with --until.',
    )
  const rest = { now: now.getTime(), vantage: from } as const
  if (since === undefined && until === undefined) return { ...parseMonth(month, now), ...rest }
  if (since === undefined) throw usageError(`--until=${until} needs a start`, 'Add --since, or use --month.')
  const begin = parsePastTime(since, now).getTime()
  const end = until === undefined ? now.getTime() : parsePastTime(until, now, '--until').getTime()
  if (begin >= end)
    throw usageError(`--until=${until} is not after --since=${since}`, 'Specify the earlier time as --since.')
  return { from: begin, to: end, ...rest }
}

function parseMonth(words: string | undefined, now: Date): { from: number; to: number } {
  const name = words ?? now.toISOString().slice(0, 7)
  const [, year, month] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(name) ?? []
  if (!year || !month) throw usageError(`--month=${words} is not a month`, 'Specify it as 2026-11.')
  const from = Date.UTC(Number(year), Number(month) - 1)
  if (from > now.getTime())
    throw usageError(`--month=${words} is in the future`, 'Specify the current or a past month.')
  return { from, to: Date.UTC(Number(year), Number(month)) }
}
