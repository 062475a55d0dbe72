import type { Meter } from '../azure/resources/meter.ts'
import offline from './offline.json' with { type: 'json' }
import type { PriceItem, Prices } from './priceList.ts'

/** What a quantity costs, or why that is unknown. An unknown price is never 0. */
export type Priced =
  | { cost: number; unitPrice: number; source: 'list' | 'offline' }
  | { unknown: string; source: 'list' | 'offline' }

/**
 * Prices a month's quantity of a meter, in the units of `meter.unit`. Graduated prices are summed tier by tier
 * (`tierMinimumUnits`). A price is unknown when the list does not have it, has it in another unit, or has it twice.
 */
export function getPrice(meter: Meter, quantity: number, prices: Prices, now = new Date()): Priced {
  const { source, items } = prices.byService[meter.service] ?? { source: 'list', items: [] }
  const found = items.filter(
    (item) =>
      meter.products.includes(item.productName) &&
      item.skuName.toLowerCase() === meter.sku.toLowerCase() &&
      item.meterName.toLowerCase() === meter.meter.toLowerCase() &&
      (item.effectiveStartDate === undefined || Date.parse(item.effectiveStartDate) <= now.getTime()),
  )
  const name = `${meter.products[0]}, ${meter.sku}, ${meter.meter}`
  if (found.length === 0) return { unknown: describeMissing(name, prices, source), source }
  const other = found.find(({ unitOfMeasure }) => unitOfMeasure !== meter.unit)
  if (other)
    return { unknown: `${name} is priced per "${other.unitOfMeasure}", not per "${meter.unit}"`, source }
  const tiers = getTiers(found)
  if (!tiers) return { unknown: `the price list has several prices for ${name}`, source }
  const cost = tiers.reduce((sum, { from, price }, index) => {
    const upTo = tiers[index + 1]?.from ?? Number.POSITIVE_INFINITY
    return sum + Math.max(0, Math.min(quantity, upTo) - from) * price
  }, 0)
  return { cost, unitPrice: tiers[0]!.price, source }
}

function describeMissing(name: string, { region }: Prices, source: 'list' | 'offline'): string {
  if (source === 'list') return `the public price list has no ${name} in ${region}`
  return offline.regions.includes(region)
    ? `the table of ${offline.date} has no ${name}`
    : `the table of ${offline.date} has no prices of ${region}, only of ${offline.regions.join(', ')}`
}

/** The newest price of each tier; undefined when two prices of the same day differ. */
function getTiers(items: readonly PriceItem[]): { from: number; price: number }[] | undefined {
  const tiers = new Map<number, PriceItem>()
  const since = (item: PriceItem): number => Date.parse(item.effectiveStartDate ?? '1970-01-01')
  for (const item of items) {
    const from = item.tierMinimumUnits ?? 0
    const known = tiers.get(from)
    if (known && since(known) === since(item) && known.retailPrice !== item.retailPrice) return undefined
    if (!known || since(item) > since(known)) tiers.set(from, item)
  }
  const sorted = [...tiers].sort(([left], [right]) => left - right)
  return sorted.map(([from, { retailPrice }]) => ({ from, price: retailPrice }))
}
