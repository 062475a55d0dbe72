import { tableText } from '../cli/table.ts'
import { type Estimate, estimateOf } from '../cost/estimate.ts'
import { readPrices } from '../cost/priceList.ts'
import { dollars } from '../cost/report.ts'
import type { Context } from '../steps/context.ts'
import { type Scale, type Scaled, scaledConfig } from './scaleNow.ts'

/** What all of it costs a month with the part as it is, and as it would be. */
export async function compareCosts(context: Context, part: Scaled, now: Scale, to: Scale) {
  const prices = await readPrices(context)
  const at = (scale: Scale): Estimate => estimateOf(scaledConfig(context.config, part, scale), prices)
  return costWords(part, at(now), at(to))
}

/** Before and after: a table for a person who decides, and a line for the plan. */
export function costWords(part: Scaled, now: Estimate, then: Estimate): { table: string; line: string } {
  const right = 'right' as const
  const of = ({ parts }: Estimate) => parts.find(({ id }) => id === part)
  const note = then.note ? `; ${then.note}` : ''
  const table = tableText(
    [
      { heading: '$ a month' },
      { heading: 'now', align: right },
      { heading: 'then', align: right },
      { heading: 'computed' },
    ],
    [
      [
        of(then)?.title ?? part,
        dollars(of(now)?.monthly),
        dollars(of(then)?.monthly),
        of(then)?.quantity ?? '',
      ],
      ['All parts', dollars(now.total), dollars(then.total), `prices of ${then.priced}${note}`],
    ],
  )
  const line = `${dollars(of(now)?.monthly)} → ${dollars(of(then)?.monthly)} $ a month; all parts ${dollars(now.total)} → ${dollars(then.total)} (prices of ${then.priced})`
  return { table, line }
}
