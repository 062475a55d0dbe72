import type { CommonFlags, Run } from '../../cli/defineScript.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import type { Context } from '../../tasks/context.ts'
import { getExitCode } from '../../util/concurrency.ts'
import { usageError } from '../../util/errors.ts'
import { compareReceipts, differenceText, historyTable, receiptText, theOne } from './format.ts'
import { type History, readHistory } from './read.ts'

export interface HistoryFlags extends CommonFlags {
  lines?: number
  show?: string
  diff?: string[]
}

/** Prints what the flags ask for. Gives 0, or 3 or 4 when one of the two places did not answer. */
export async function showHistory(run: Run<HistoryFlags>, context: Context): Promise<number> {
  const { show, diff, lines } = run.flags
  const questions = Object.entries({ '--show': show, '--diff': diff, '--lines': lines })
  const asked = questions.flatMap(([flag, value]) => (value === undefined ? [] : [flag]))
  if (asked.length > 1) throw usageError(`${asked.join(' and ')} are two questions`, 'Give one of them.')
  if (diff !== undefined) return showDifference(run, context, diff)
  const history = await readHistory(context, show === undefined ? (lines ?? 20) : 1000, show && checked(show))
  const code = getExitCode(history.answers)
  if (show !== undefined) {
    const one = theOne(history, show)
    run.result(receiptText(one) + notes(history), { ok: code === 0, ...one, ...gaps(history) })
    return code
  }
  const receipts = history.kept.map(({ receipt, places, differs }) => ({ ...receipt, places, differs }))
  const none =
    code === 0 ? 'No deploy has left a receipt yet.' : 'There is no receipt in the place that could be asked.'
  const text = history.kept.length > 0 ? historyTable(history.kept) : none
  run.result(text + notes(history), { ok: code === 0, receipts, ...gaps(history) })
  return code
}

async function showDifference(
  run: Run<HistoryFlags>,
  context: Context,
  ids: readonly string[],
): Promise<number> {
  const [first, second, ...more] = ids
  if (!first || !second || more.length > 0)
    throw usageError(
      `--diff wants two ids, not ${ids.length}`,
      formatScriptLine('history', '--diff', 'A', 'B'),
    )
  const [left, right] = [
    await readHistory(context, 1000, checked(first)),
    await readHistory(context, 1000, checked(second)),
  ]
  const code = getExitCode(left.answers) || getExitCode(right.answers)
  const [a, b] = [theOne(left, first).receipt, theOne(right, second).receipt]
  const difference = compareReceipts(a, b)
  run.result(differenceText(a, b, difference) + notes(left, right), {
    ok: code === 0,
    a: a.id,
    b: b.id,
    ...difference,
  })
  return code
}

/** An id is time, script and process id; nothing else can be a part of one. */
function checked(id: string): string {
  if (/^[0-9A-Za-z-]+$/.test(id)) return id
  throw usageError(
    `${JSON.stringify(id)} is not an id of a receipt`,
    `${formatScriptLine('history')} lists them.`,
  )
}

/** What is missing from an answer, as lines below it. */
function notes(...histories: History[]): string {
  const names = { here: 'The state folder of this machine', vps: 'The VPS' }
  const lines = histories.flatMap(({ answers, damaged }) => [
    ...(['here', 'vps'] as const).flatMap((place) =>
      answers[place].failure
        ? [
            `! ${names[place]} could not be asked, its receipts are missing: ${answers[place].failure.message}`,
          ]
        : [],
    ),
    ...damaged.map(
      ({ place, name, why }) =>
        `! ${name} ${place === 'vps' ? 'on the VPS' : 'here'} is damaged and left out: ${why}`,
    ),
  ])
  return lines.length > 0 ? `\n\n${[...new Set(lines)].join('\n')}` : ''
}

const gaps = ({ answers, damaged }: History) => ({
  damaged,
  unreachable: Object.entries(answers).flatMap(([place, { failure }]) =>
    failure ? [{ place, why: failure.message }] : [],
  ),
})
