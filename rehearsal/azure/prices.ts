import { refuse } from './errors.ts'
import type { Call, Reply } from './http.ts'
import type { Bag } from './json.ts'
import type { World } from './world.ts'

/**
 * A row of the public price list, pay as you go, East US, in US dollars (read between August and October 2026). Other
 * regions differ by a plausible factor. A rehearsal must not access the internet, so these replace
 * https://prices.azure.com/api/retail/prices.
 */
export interface Price {
  service: string
  family: string
  product: string
  sku: string
  meter: string
  armSku: string
  unit: string
  price: number
}

type Row = [product: string, sku: string, meter: string, unit: string, price: number, armSku?: string]

/** The rows of one service. */
export const createPrices = (service: string, family: string, rows: Row[]): Price[] =>
  rows.map(([product, sku, meter, unit, price, armSku = '']) => ({
    ...{ service, family, product, sku, meter, armSku, unit, price },
  }))

const regions: Record<string, { location: string; factor: number }> = {
  eastus: { location: 'US East', factor: 1 },
  eastus2: { location: 'US East 2', factor: 1 },
  westus2: { location: 'US West 2', factor: 1 },
  centralus: { location: 'US Central', factor: 1.05 },
  northeurope: { location: 'EU North', factor: 1.08 },
  westeurope: { location: 'EU West', factor: 1.15 },
  germanywestcentral: { location: 'DE West Central', factor: 1.15 },
}

function show(price: Price, region: string, index: number): Bag {
  const { location, factor } = regions[region]!
  const retail = Number((price.price * factor).toFixed(6))
  const id = `DZH318Z0R${String(index).padStart(3, '0')}`
  return {
    currencyCode: 'USD',
    tierMinimumUnits: 0,
    retailPrice: retail,
    unitPrice: retail,
    armRegionName: region,
    location,
    effectiveStartDate: '2026-11-01T00:00:00Z',
    meterId: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    meterName: price.meter,
    productId: id,
    skuId: `${id}/0001`,
    productName: price.product,
    skuName: price.sku,
    serviceName: price.service,
    serviceId: `DZH3${String(index).padStart(5, '0')}`,
    serviceFamily: price.family,
    unitOfMeasure: price.unit,
    type: 'Consumption',
    isPrimaryMeterRegion: true,
    armSkuName: price.armSku,
  }
}

const listItems = (prices: Price[]): Bag[] =>
  Object.keys(regions).flatMap((region) => prices.map((price, index) => show(price, region, index + 1)))

/** One condition of an OData filter: `field eq 'value'`, `contains(field, 'value')`, `startswith(…)`. */
function condition(text: string): (item: Bag) => boolean {
  const equal = /^\s*(\w+)\s+(eq|ne)\s+'((?:[^']|'')*)'\s*$/.exec(text)
  const getField = (item: Bag, name: string): string => {
    const key = name === 'priceType' ? 'type' : name
    return String(item[key] ?? '')
  }
  if (equal) {
    const [, field = '', operator, value = ''] = equal
    const wanted = value.replaceAll("''", "'")
    return (item) => (getField(item, field) === wanted) === (operator === 'eq')
  }
  const part = /^\s*(contains|startswith|endswith)\(\s*(\w+)\s*,\s*'((?:[^']|'')*)'\s*\)\s*$/.exec(text)
  if (!part) throw refuse('priceFilter', { text: text.trim() })
  const [, how, field = '', value = ''] = part
  return (item) => {
    const found = getField(item, field)
    if (how === 'contains') return found.includes(value)
    return how === 'startswith' ? found.startsWith(value) : found.endsWith(value)
  }
}

/** `and` binds more tightly than `or`; parentheses around groups are supported one level deep. */
function getFilter(text: string): (item: Bag) => boolean {
  const groups: string[] = []
  const flat = text.replace(
    /(^|\s)\(((?:[^()']|'[^']*'|\([^()]*\))*)\)(?=\s|$)/g,
    (_whole, before, inside) => {
      groups.push(inside)
      return `${before}§${groups.length - 1}`
    },
  )
  const one = (part: string): ((item: Bag) => boolean) => {
    const group = /^\s*§(\d+)\s*$/.exec(part)
    return group ? getFilter(groups[Number(group[1])]!) : condition(part)
  }
  const alternatives = flat.split(/\s+or\s+/).map((each) => each.split(/\s+and\s+/).map(one))
  return (item) => alternatives.some((all) => all.every((test) => test(item)))
}

/** prices.azure.com. Field names and paging are those of the Azure Retail Prices API. */
export function retailPrices({ types }: World, call: Call): Reply {
  if (call.path.replace(/\/$/, '') !== '/api/retail/prices' || call.method !== 'GET') return { status: 404 }
  const filter = call.query.get('$filter')
  const currency = (call.query.get('currencyCode') ?? 'USD').replaceAll("'", '')
  if (currency !== 'USD') throw refuse('currency', { currency })
  const items = listItems(types.flatMap(({ prices = [] }) => prices))
  const found = filter ? items.filter(getFilter(filter)) : items
  const skip = Number(call.query.get('$skip') ?? 0)
  const page = found.slice(skip, skip + 1000)
  const query = new URLSearchParams(call.query)
  query.set('$skip', String(skip + page.length))
  const more = found.length > skip + page.length
  return {
    status: 200,
    body: {
      BillingCurrency: 'USD',
      CustomerEntityId: 'Default',
      CustomerEntityType: 'Retail',
      Items: page,
      NextPageLink: more ? `https://prices.azure.com:443/api/retail/prices?${query}` : null,
      Count: page.length,
    },
  }
}
