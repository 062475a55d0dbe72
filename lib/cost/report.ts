import { formatTable } from '../util/table.ts'
import type { Compared } from './compareWithOriginal.ts'
import type { Estimate, Part } from './estimate.ts'

/** What a person reads: each part and how it is computed, then the old document's figures beside. */
export function costText(estimate: Estimate, compared: readonly Compared[]): string {
  const right = 'right' as const
  const parts = formatTable(
    [
      { heading: 'Part' },
      { heading: '$ a month', align: right },
      { heading: 'Price from' },
      { heading: 'Computed' },
    ],
    [
      ...estimate.parts.map((part) => [part.title, dollars(part.monthly), sourceOf(part), computed(part)]),
      ['Total', dollars(estimate.total), '', totalText(estimate)],
    ],
  )
  const beside = formatTable(
    [
      { heading: 'Part' },
      { heading: 'document $', align: right },
      { heading: 'now $', align: right },
      { heading: 'Why it differs' },
    ],
    compared.map(({ title, document, now, because }) => [title, range(document), dollars(now), because]),
  )
  const priced = `Azure prices of ${estimate.priced}, pay as you go, before tax; traffic and image builds come on top.`
  return [parts, '', priced, ...(estimate.note ? [estimate.note] : []), '', beside].join('\n')
}

const sources = { list: 'public list', offline: 'dated table', configured: 'configuration' } as const
const sourceOf = ({ id, source }: Part): string =>
  source === 'offline' && (id === 'vps' || id === 'domain') ? 'assumed' : sources[source]

/** With cents; UNKNOWN is not nothing. */
export const dollars = (amount: number | null | undefined): string =>
  amount === null || amount === undefined ? 'UNKNOWN' : amount.toFixed(2)

const computed = (part: Part): string => (part.unknown ? `${part.quantity}; ${part.unknown}` : part.quantity)

const totalText = ({ total, known }: Estimate): string =>
  total === null ? `$${known.toFixed(2)} for the parts that have a price` : ''

function range(document: Compared['document']): string {
  if (!document) return '–'
  const { from, to } = document
  return from === to ? from.toFixed(2) : `${from}–${to}`
}
