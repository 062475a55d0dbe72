import { refuse } from './errors.ts'
import { type Call, ok, type Reply } from './http.ts'
import type { Bag } from './json.ts'
import list from './prices.json' with { type: 'json' }

/*
 * prices.json has rows of the public price list, pay as you go, East US, in US dollars (read between August and October
 * 2026), and plausible factors for some other regions. A rehearsal must not access the internet, so these replace
 * https://prices.azure.com/api/retail/prices.
 */

const items = Object.entries(list.regions).flatMap(([armRegionName, { location, factor }]) =>
  list.rows.map((price, index): Bag => {
    const retailPrice = Number((price.retailPrice * factor).toFixed(6))
    const id = `DZH318Z0R${String(index).padStart(3, '0')}`
    return {
      ...price,
      ...{
        currencyCode: 'USD',
        tierMinimumUnits: 0,
        retailPrice,
        unitPrice: retailPrice,
        armRegionName,
        location,
      },
      effectiveStartDate: '2026-11-01T00:00:00Z',
      meterId: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      ...{ productId: id, skuId: `${id}/0001`, serviceId: `DZH3${String(index).padStart(5, '0')}` },
      ...{ type: 'Consumption', isPrimaryMeterRegion: true },
    }
  }),
)

/** An OData filter, with only the operators that the scripts use: `field eq 'value' and …`. */
function getFilter(text: string): (item: Bag) => boolean {
  const conditions = text.split(/\s+and\s+/).map((part) => {
    const [, field, value] = /^\s*(\w+)\s+eq\s+'([^']*)'\s*$/.exec(part) ?? []
    if (!field) throw refuse('priceFilter', { text: part.trim() })
    return [field === 'priceType' ? 'type' : field, value] as const
  })
  return (item) => conditions.every(([field, value]) => item[field] === value)
}

/** prices.azure.com. Field names are those of the Azure Retail Prices API. */
export function retailPrices(call: Call): Reply {
  if (call.path.replace(/\/$/, '') !== '/api/retail/prices' || call.method !== 'GET') return { status: 404 }
  const currency = (call.query.get('currencyCode') ?? 'USD').replaceAll("'", '')
  if (currency !== 'USD') throw refuse('currency', { currency })
  const found = items.filter(getFilter(call.query.get('$filter') ?? ''))
  return ok({
    ...{ BillingCurrency: 'USD', CustomerEntityId: 'Default', CustomerEntityType: 'Retail' },
    ...{ Items: found, NextPageLink: null, Count: found.length },
  })
}
