import { getTag } from '../../azure/resources/containerGroups.ts'
import type { CommonFlags, Run } from '../../cli/defineScript.ts'
import { formatScriptLine } from '../../config/config.ts'
import type { Field, VpsContext } from '../../tasks/task.ts'
import { getExitCode } from '../../util/concurrency.ts'
import { exitCode, OpsError, usageError } from '../../util/errors.ts'
import { formatDuration, formatTable } from '../../util/format.ts'
import { formatUtc } from '../../util/time.ts'
import { type Kept, type Receipt, type ReceiptList, readKeptReceipts } from './receipts.ts'

export interface HistoryFlags extends CommonFlags {
  lines?: number
  show?: string
  diff?: string[]
}

/** Prints what the flags request. Returns 0, or 3 or 4 when one of the two places did not answer. */
export async function showHistory(run: Run<HistoryFlags>, context: VpsContext): Promise<number> {
  const { show, diff, lines } = run.flags
  const questions = Object.entries({ '--show': show, '--diff': diff, '--lines': lines })
  const asked = questions.flatMap(([flag, value]) => (value === undefined ? [] : [flag]))
  if (asked.length > 1) throw usageError(`${asked.join(' and ')} cannot be combined`, 'Use only one of them.')
  if (diff !== undefined) return showDifference(run, context, diff)
  const history = await readKeptReceipts(
    context,
    show === undefined ? (lines ?? 20) : 1000,
    show && checked(show),
  )
  const code = getExitCode(history.answers)
  if (show !== undefined) {
    const one = theOne(history, show)
    run.result(receiptText(one) + notes(history), { ok: code === 0, ...one, ...gaps(history) })
    return code
  }
  const receipts = history.kept.map(({ receipt, places, differs }) => ({ ...receipt, places, differs }))
  const none =
    code === 0 ? 'There are no receipts yet.' : 'There are no receipts in the place that could be read.'
  const text = history.kept.length > 0 ? historyTable(history.kept) : none
  run.result(text + notes(history), { ok: code === 0, receipts, ...gaps(history) })
  return code
}

async function showDifference(
  run: Run<HistoryFlags>,
  context: VpsContext,
  ids: readonly string[],
): Promise<number> {
  const [first, second, ...more] = ids
  if (!first || !second || more.length > 0)
    throw usageError(
      `--diff needs two ids, not ${ids.length}`,
      formatScriptLine('history', '--diff', 'A', 'B'),
    )
  const [left, right] = [
    await readKeptReceipts(context, 1000, checked(first)),
    await readKeptReceipts(context, 1000, checked(second)),
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

/** An id consists of time, script and process id; no other characters can occur in it. */
function checked(id: string): string {
  if (/^[0-9A-Za-z-]+$/.test(id)) return id
  throw usageError(`${JSON.stringify(id)} is not a receipt id`, `${formatScriptLine('history')} lists them.`)
}

function notes(...histories: ReceiptList[]): string {
  const names = { here: 'The state folder of this machine', vps: 'The VPS' }
  const lines = histories.flatMap(({ answers, damaged }) => [
    ...(['here', 'vps'] as const).flatMap((place) =>
      answers[place].failure
        ? [
            `! ${names[place]} could not be read, so its receipts are missing: ${answers[place].failure.message}`,
          ]
        : [],
    ),
    ...damaged.map(
      ({ place, name, why }) =>
        `! ${name} ${place === 'vps' ? 'on the VPS' : 'here'} is damaged and skipped: ${why}`,
    ),
  ])
  return lines.length > 0 ? `\n\n${[...new Set(lines)].join('\n')}` : ''
}

const gaps = ({ answers, damaged }: ReceiptList) => ({
  damaged,
  unreachable: Object.entries(answers).flatMap(([place, { failure }]) =>
    failure ? [{ place, why: failure.message }] : [],
  ),
})

/** `2026-11-22 10:00:00`, in UTC. */
export const utc = (iso: string): string => formatUtc(iso, true)

/** One line for each run, newest first, with the shortest unique prefix of its id. */
export function historyTable(kept: readonly Kept[]): string {
  const ids = kept.map(({ receipt }) => receipt.id)
  return formatTable(
    [
      { heading: 'When (UTC)' },
      { heading: 'ID' },
      { heading: 'Who' },
      { heading: 'Result' },
      { heading: 'Seconds', align: 'right' },
      { heading: 'Image' },
      { heading: 'Frontend' },
      { heading: 'What' },
      { heading: 'Changed' },
    ],
    kept.map(({ receipt }) => [
      utc(receipt.started),
      shortest(receipt.id, ids),
      receipt.by,
      receipt.result,
      receipt.seconds.toFixed(1),
      getTag(receipt.image) || '–',
      receipt.frontend || '–',
      receipt.line.replace(/^npx dominion /, ''),
      changesOf(receipt),
    ]),
  )
}

function changesOf({ changed, failed }: Receipt): string {
  const parts = [changed.map(({ id }) => id).join(', '), failed.map(({ id }) => `✖ ${id}`).join(', ')]
  return parts.filter(Boolean).join('; ') || 'nothing'
}

/** The time of an id, plus as many of the following characters as make it unique. */
function shortest(id: string, all: readonly string[]): string {
  const clashes = (length: number) =>
    all.some((other) => other !== id && other.startsWith(id.slice(0, length)))
  let length = id.indexOf('-') < 0 ? id.length : id.indexOf('-')
  while (length < id.length && clashes(length)) length++
  return id.slice(0, length)
}

/** A receipt as text, one line per field. */
export function receiptText({ receipt, places, differs }: Kept): string {
  const { line, by, revision, image, digest, frontend, commands, unchanged, longestChain } = receipt
  const where = places.map((place) => (place === 'vps' ? 'on the VPS' : 'here')).join(' and ')
  const rows: [string, string][] = [
    ['id', receipt.id],
    ['line', line],
    ['by', by],
    ['when', `${utc(receipt.started)} UTC, ${formatDuration(receipt.seconds * 1000)}`],
    ['result', receipt.result],
    ['revision', revision || '–'],
    ['image', image ? `${image}${digest ? ` (${digest.slice(0, 19)})` : ''}` : '–'],
    ['frontend', frontend || '–'],
    [
      'commands',
      commands ? `${commands.read} read, ${commands.change} change, ${commands.record} record` : '–',
    ],
    [
      'longest chain',
      longestChain ? `${formatDuration(longestChain.seconds * 1000)} (${longestChain.ids.join(' → ')})` : '–',
    ],
    ['unchanged', unchanged.join(', ') || '–'],
    ['kept', `${where}${differs ? '; the two differ, this is the local one' : ''}`],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  return [
    ...rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    ...receipt.changed.flatMap(({ title, what, fields, seconds: took }) => [
      `~ ${title}: ${what} [${formatDuration(took * 1000)}]`,
      ...((fields ?? []) as Field[]).map(
        ({ name, before, after }) => `    ${name}: ${before ?? '(not set)'} → ${after}`,
      ),
    ]),
    ...receipt.failed.map(({ id, error }) => `✖ ${id}: ${error}`),
  ].join('\n')
}

const facts = ['line', 'by', 'result', 'revision', 'image', 'digest', 'frontend'] as const

/** What differs between two runs: in what was live at their ends, and in what their steps changed. */
export function compareReceipts(a: Receipt, b: Receipt) {
  const ids = [...new Set([...a.changed, ...b.changed].map(({ id }) => id))]
  return {
    facts: facts
      .filter((name) => (a[name] ?? '') !== (b[name] ?? ''))
      .map((name) => ({ name, a: a[name] ?? '', b: b[name] ?? '' })),
    steps: ids
      .map((id) => ({ id, a: deedOf(a, id), b: deedOf(b, id) }))
      .filter((step) => step.a !== step.b)
      .map(({ id, a, b }) => ({ id, ...(a === undefined ? {} : { a }), ...(b === undefined ? {} : { b }) })),
  }
}

/** What a run changed in a task, with the fields; undefined if nothing. */
function deedOf(receipt: Receipt, id: string): string | undefined {
  const changed = receipt.changed.find((step) => step.id === id)
  if (!changed) return undefined
  const fields = ((changed.fields ?? []) as Field[]).map(
    ({ name, before, after }) => `${name}: ${before ?? '(not set)'} → ${after}`,
  )
  return fields.length > 0 ? `${changed.what} (${fields.join(', ')})` : changed.what
}

export function differenceText(
  a: Receipt,
  b: Receipt,
  { facts, steps }: ReturnType<typeof compareReceipts>,
): string {
  const row = (name: string, left: string, right: string) => [name, `  A ${left}`, `  B ${right}`]
  const lines = [
    ...facts.flatMap(({ name, a: left, b: right }) => row(name, left || '–', right || '–')),
    ...steps.flatMap(({ id, a: left, b: right }) =>
      row(`step ${id}`, left ?? '(unchanged)', right ?? '(unchanged)'),
    ),
  ]
  return [
    `A ${a.id}`,
    `B ${b.id}`,
    '',
    ...(lines.length > 0 ? lines : ['The receipts are the same, apart from their times.']),
  ].join('\n')
}

/** The only receipt whose id has this prefix. Throws (exit 2) when there is none or several, (exit 3) when a place was silent. */
export function theOne({ kept, answers, damaged }: ReceiptList, prefix: string): Kept {
  const exact = kept.find(({ receipt }) => receipt.id === prefix)
  const found = exact ? [exact] : kept.filter(({ receipt }) => receipt.id.startsWith(prefix))
  if (found.length === 1) return found[0]!
  if (found.length > 1) {
    throw usageError(
      `${prefix} matches ${found.length} ids:\n${found.map(({ receipt }) => `  ${receipt.id}`).join('\n')}`,
      'Use a longer prefix.',
    )
  }
  const silent = Object.values(answers).find(({ failure }) => failure)?.failure
  if (silent) {
    throw new OpsError({
      what: `Receipt ${prefix} not found, and not every place could be read: ${silent.message}`,
      exitCode: silent instanceof OpsError ? silent.exitCode : exitCode.unknown,
    })
  }
  const broken = damaged.find(({ name }) => name.startsWith(prefix))
  if (broken) throw new OpsError({ what: `The receipt ${broken.name} is damaged: ${broken.why}` })
  throw usageError(`Receipt ${prefix} not found`, `${formatScriptLine('history')} lists them.`)
}
