import type { Context } from '../tasks/task.ts'
import { formatTable } from '../util/format.ts'
import { type Estimate, monthlyEstimate, type Part } from './estimate.ts'
import { type Compared, compareWithOriginal } from './originalEstimate.ts'

/** Estimates what the configured system costs a month. `complete`: every part has a price. */
export async function reportCost(context: Context, options: { offline?: boolean }) {
  const estimate = await monthlyEstimate(context, options)
  const compared = compareWithOriginal(context.config, estimate)
  const complete = estimate.total !== null
  return {
    text: formatEstimate(estimate, compared),
    data: { ok: complete, ...estimate, document: compared },
    complete,
  }
}

/** Formats the estimate with the calculation of each part, then its comparison with the original one. */
export function formatEstimate(estimate: Estimate, compared: readonly Compared[]): string {
  const right = 'right' as const
  const part = { heading: 'Part' }
  const parts = formatTable(
    [part, { heading: '$ a month', align: right }, { heading: 'Price from' }, { heading: 'Computed' }],
    [
      ...estimate.parts.map((each) => [
        ...[each.title, formatDollars(each.monthly), formatSource(each)],
        each.unknown ? `${each.quantity}; ${each.unknown}` : each.quantity,
      ]),
      ['Total', formatDollars(estimate.total), '', formatTotal(estimate)],
    ],
  )
  const figures = ['original $', 'now $'].map((heading) => ({ heading, align: right }))
  const beside = formatTable(
    [part, ...figures, { heading: 'Why it differs' }],
    compared.map((line) => [line.title, formatRange(line.document), formatDollars(line.now), line.because]),
  )
  const priced = `Azure prices of ${estimate.priced}, pay as you go, before tax; traffic and image builds are not included.`
  const heading = 'Compared with the original estimate (docs/original-document.md):'
  return [parts, '', priced, ...(estimate.note ? [estimate.note] : []), '', heading, beside].join('\n')
}

const sources = { list: 'public list', offline: 'bundled table', configured: 'configuration' } as const
const formatSource = ({ id, source }: Part): string =>
  source === 'offline' && (id === 'vps' || id === 'domain') ? 'assumed' : sources[source]

export const formatDollars = (amount: number | null | undefined): string =>
  amount === null || amount === undefined ? 'UNKNOWN' : amount.toFixed(2)

const formatTotal = ({ total, known }: Estimate): string =>
  total === null ? `$${known.toFixed(2)} for the parts that have a price` : ''

function formatRange(document: Compared['document']): string {
  if (!document) return '–'
  const { from, to } = document
  return from === to ? from.toFixed(2) : `${from}–${to}`
}
