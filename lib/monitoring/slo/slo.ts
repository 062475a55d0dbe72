import type { CommonFlags, Run } from '../../cli/defineScript.ts'
import type { Config } from '../../config/config.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import { exitCode, unknownError, usageError } from '../../util/errors.ts'
import { formatUtc, parsePastTime } from '../../util/time.ts'
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

function noDataError(run: Run<SloFlags>, history: History, { from, to, vantage, now }: SloRange) {
  const where = vantage === 'vps' ? ' from the VPS' : ''
  const what = `No check ran${where} between ${formatUtc(from)} UTC and ${formatUtc(Math.min(to, now))} UTC`
  const origin = vantage === 'vps' ? ['--from', 'vps'] : []
  const newest = Math.max(...history.latest(vantage, now).map(({ at }) => at))
  if (!Number.isFinite(newest)) {
    const next = `${formatScriptLine('health', ...origin)} runs a check and records it.`
    return unknownError(what, undefined, next)
  }
  const { rollups } = history.rollups({ from: 0, to: now + 1, now, vantage })
  const first = Math.min(newest, ...rollups.map(({ hour }) => hour * hourMs))
  // Running the same command again would give the same answer.
  const more = [...origin, ...(run.flags.json ? ['--json'] : [])]
  run.resumeCommand = formatScriptLine('slo', '--month', formatUtc(newest).slice(0, 7), ...more)
  return unknownError(
    what,
    undefined,
    `There are checks${where} from ${formatUtc(first)} UTC to ${formatUtc(newest)} UTC: ${run.resumeCommand}`,
  )
}

export type SloFlags = CommonFlags & { month?: string; since?: string; until?: string; from?: string }

type SloRange = ReturnType<typeof parseSloFlags>

/** The requested month in UTC (default: the current one), or --since and --until, as ms since 1970. Throws (exit 2). */
export function parseSloFlags(flags: SloFlags, now = new Date()) {
  const { month, since, until, from = 'here' } = flags
  if (from !== 'here' && from !== 'vps')
    throw usageError(`Unknown location "${from}" for --from`, 'Supported: here, vps.')
  if (month !== undefined && (since !== undefined || until !== undefined))
    throw usageError(
      '--month cannot be combined with --since or --until',
      'Use either --month or --since with --until.',
    )
  const rest: { now: number; vantage: Origin } = { now: now.getTime(), vantage: from }
  if (since === undefined && until === undefined) return { ...parseMonth(month, now), ...rest }
  if (since === undefined) throw usageError(`--until=${until} needs a start`, 'Add --since, or use --month.')
  const begin = parsePastTime(since, now).getTime()
  const end = until === undefined ? now.getTime() : parsePastTime(until, now, '--until').getTime()
  if (begin >= end)
    throw usageError(`--until=${until} is not after --since=${since}`, 'Specify the earlier time as --since.')
  return { from: begin, to: end, ...rest }
}

function parseMonth(words: string | undefined, now: Date): { from: number; to: number } {
  const name = words ?? formatUtc(now).slice(0, 7)
  const [, year, month] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(name) ?? []
  if (!year || !month) throw usageError(`--month=${words} is not a month`, 'Specify it as 2026-11.')
  const from = Date.UTC(Number(year), Number(month) - 1)
  if (from > now.getTime())
    throw usageError(`--month=${words} is in the future`, 'Specify the current or a past month.')
  return { from, to: Date.UTC(Number(year), Number(month)) }
}
