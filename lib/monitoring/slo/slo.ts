import type { Run } from '../../cli/defineScript.ts'
import type { Config } from '../../config/config.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import { quoteLine } from '../../shell/quote.ts'
import { exitCode, unknownError } from '../../util/errors.ts'
import { hourMs } from '../store/intervals.ts'
import { type History, historyFile, readHistory } from '../store/store.ts'
import { sloData, sloText } from './format.ts'
import type { SloFlags, SloRange } from './options.ts'
import { getTerms, sloReport } from './report.ts'

/** Prints the report of a range. Throws (exit 3) when there is no history, or it knows nothing of that range. */
export async function showSlo(run: Run<SloFlags>, config: Config, range: SloRange): Promise<number> {
  const history = await readHistory(historyFile(config))
  try {
    const report = sloReport(history, getTerms(config), range)
    if (report.targets.length === 0) throw nothingKnown(run, history, range)
    const width = process.stdout.isTTY ? process.stdout.columns : undefined
    run.result(sloText(report, config.domain, width), sloData(report, config.domain))
    return exitCode.done
  } finally {
    history.close()
  }
}

/** `2026-11-23 04:18 UTC` */
const clock = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`

function nothingKnown(run: Run<SloFlags>, history: History, { from, to, vantage, now }: SloRange) {
  const where = vantage === 'vps' ? ' from the VPS' : ''
  const what = `Nobody has looked${where} between ${clock(from)} and ${clock(Math.min(to, now))}`
  const times = history.latest(vantage, now).map(({ at }) => at)
  if (times.length === 0) {
    const next = `${formatScriptLine('health', ...(vantage === 'vps' ? ['--from', 'vps'] : []))} looks and records.`
    return unknownError(what, undefined, next)
  }
  const newest = Math.max(...times)
  const { tallies } = history.tallies({ from: 0, to: now + 1, now, vantage })
  const first = Math.min(newest, ...tallies.map(({ hour }) => hour * hourMs))
  // The same line would bring the same answer.
  run.again = lineFor(run.flags, new Date(newest).toISOString().slice(0, 7))
  return unknownError(
    what,
    undefined,
    `There are looks${where} from ${clock(first)} to ${clock(newest)}: ${run.again}`,
  )
}

const lineFor = ({ env, from = 'here', json }: SloFlags, month: string): string =>
  quoteLine([
    ...['npx', 'dominion', 'slo', '--month', month],
    ...(from === 'here' ? [] : ['--from', from]),
    ...(env === undefined ? [] : ['--env', env]),
    ...(json ? ['--json'] : []),
  ])
