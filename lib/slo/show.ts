import type { Run } from '../cli/script.ts'
import { exitCode, unknownError } from '../command/errors.ts'
import type { Config } from '../config/config.ts'
import { historyFile, readHistory } from '../history/store.ts'
import type { SloFlags, SloRange } from './range.ts'
import { sloReport, termsOf } from './report.ts'
import { sloData, sloText } from './text.ts'

/** Prints the report of a range. Throws (exit 3) when there is no history, or it knows nothing of that range. */
export async function showSlo(run: Run<SloFlags>, config: Config, range: SloRange): Promise<number> {
  const history = await readHistory(historyFile(config))
  try {
    const report = sloReport(history, termsOf(config), range)
    if (report.targets.length === 0) throw nothingKnown(range, history.latest(range.vantage))
    run.result(sloText(report, config.domain), sloData(report, config.domain))
    return exitCode.done
  } finally {
    history.close()
  }
}

function nothingKnown({ from, to, vantage }: SloRange, latest: readonly { at: number }[]) {
  const iso = (ms: number): string => new Date(ms).toISOString()
  const newest = Math.max(...latest.map(({ at }) => at))
  const where = vantage === 'vps' ? ' from the VPS' : ''
  return unknownError(
    `Nobody has looked${where} between ${iso(from)} and ${iso(to)}`,
    undefined,
    latest.length > 0
      ? `The newest look${where} was at ${iso(newest)}: give another --month, or --since.`
      : `npx dominion health${vantage === 'vps' ? ' --from vps' : ''} looks and records.`,
  )
}
