import { getResources } from '../azure/resources/index.ts'
import type { Meter } from '../azure/resources/resource.ts'
import type { Config } from '../config/config.ts'
import type { HttpRequest } from '../net/http.ts'
import type { Context } from '../tasks/task.ts'
import { settleAll } from '../util/concurrency.ts'
import { getMessage } from '../util/errors.ts'
import offline from './offline.json' with { type: 'json' }

/** One row of the Azure Retail Prices API, with its field names. `retailPrice` is in US dollars per unit. */
export interface PriceItem {
  serviceName: string
  productName: string
  skuName: string
  meterName: string
  /** Such as `1 Hour`, `1 GB Hour`, `1 GB/Month`, `1/Day`. */
  unitOfMeasure: string
  retailPrice: number
  /** The monthly quantity from which this price applies; absent = from the first unit. */
  tierMinimumUnits?: number
  /** ISO time; a price may be announced before it is in force. */
  effectiveStartDate?: string
}

/** The prices of each service in its region, with their source. */
export interface Prices {
  currency: 'USD'
  /** ISO date of the oldest price among them. */
  priced: string
  byService: Readonly<Record<string, ServicePrices>>
  /** Why the public list was not used, if it was not. */
  note?: string
}

interface ServicePrices {
  source: 'list' | 'offline'
  region: string
  /** Of the list. The prices of the table are those of the meters. */
  items: readonly PriceItem[]
}

const address = 'https://prices.azure.com/api/retail/prices'
/** A service has a few hundred prices per region, and a page holds 1000. */
const maxPages = 20

/**
 * Requests the pay-as-you-go prices of one service in one region. The filter is case-sensitive.
 * Source: learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices
 */
export function createPricesRequest(service: string, region: string): HttpRequest {
  const filter = `serviceName eq '${service}' and armRegionName eq '${region}' and priceType eq 'Consumption'`
  const query = new URLSearchParams({ 'api-version': '2023-01-01-preview', $filter: filter })
  return createPageRequest(`${address}?${query.toString().replaceAll('+', '%20')}`)
}

/** Uses az's network settings: where the network requires a proxy, .env configures it for az. */
function createPageRequest(url: string): HttpRequest {
  return { method: 'GET', url, effect: 'read', timeoutMs: 15_000, as: 'az' }
}

/** The services that the configuration uses, by their names in the price list, and the region of each. */
function getRegions(config: Config): Map<string, string> {
  const regions = getResources(config).flatMap((resource) =>
    resource
      .getPricedParts(config)
      .flatMap(({ quantities }) => quantities)
      .map(({ meter }) => [meter.service, resource.location(config)] as const),
  )
  return new Map(regions)
}

/**
 * Reads the prices of the configured regions from the public list. With `offline`, and for a service that the
 * list has no prices for, it uses the dated prices of the meters. It does not throw when the list cannot be
 * reached; `note` then says so.
 */
export async function readPrices(context: Context, options: { offline?: boolean } = {}): Promise<Prices> {
  const regions = [...getRegions(context.config)]
  const mapServices = (
    prices: (service: string, region: string) => Omit<ServicePrices, 'region'>,
  ): Prices['byService'] =>
    Object.fromEntries(regions.map(([service, region]) => [service, { ...prices(service, region), region }]))
  const table = () => ({ source: 'offline', items: [] }) as const
  if (options.offline) {
    const note = `These prices are from the bundled table of ${offline.date}, not today's, because of --offline.`
    return { currency: 'USD', priced: offline.date, byService: mapServices(table), note }
  }
  const answers = await settleAll<Record<string, PriceItem[]>>(
    Object.fromEntries(
      regions.map(([service, region]) => [service, () => readServicePrices(context, service, region)]),
    ),
  )
  const byService = mapServices((service) => {
    const items = answers[service]?.value
    return items ? { source: 'list', items } : table()
  })
  const failures = regions.flatMap(([service]) => answers[service]?.failure ?? [])
  const [first] = failures
  if (!first) return { currency: 'USD', priced: new Date().toISOString().slice(0, 10), byService }
  const part = failures.length < regions.length ? ` for ${failures.length} of ${regions.length} services` : ''
  const note = `The public price list did not answer${part} (${getMessage(first)}); those prices are from the bundled table of ${offline.date}, not today's.`
  return { currency: 'USD', priced: offline.date, byService, note }
}

async function readServicePrices({ runner }: Context, service: string, region: string): Promise<PriceItem[]> {
  const items: PriceItem[] = []
  let request: HttpRequest | undefined = createPricesRequest(service, region)
  for (let page = 1; request; page++) {
    if (page > maxPages) throw new Error(`${address} returned more than ${maxPages} pages for ${service}`)
    const { status, body } = await runner.request(request)
    if (status !== 200) throw new Error(`${address} answered ${status}: ${body.slice(0, 200).trim()}`)
    const found = parsePage(body)
    items.push(...found.items)
    request = found.next === undefined ? undefined : createPageRequest(found.next)
  }
  return items
}

/** Parses one page of the list. Throws when it does not match the documentation of the API. */
export function parsePage(body: string): { items: PriceItem[]; next?: string } {
  let page: { Items?: unknown; NextPageLink?: unknown; BillingCurrency?: unknown }
  try {
    page = JSON.parse(body)
  } catch {
    throw new Error(`${address} did not return JSON: ${body.slice(0, 100).trim()}`)
  }
  if (!Array.isArray(page?.Items)) throw new Error(`${address} returned JSON without Items`)
  if (page.BillingCurrency !== 'USD') throw new Error(`${address} returned prices in ${page.BillingCurrency}`)
  const wrong = page.Items.find((item) => !isPrice(item))
  if (wrong)
    throw new Error(
      `${address} returned a price that cannot be parsed: ${JSON.stringify(wrong).slice(0, 200)}`,
    )
  const next = page.NextPageLink
  if (!next) return { items: page.Items }
  // The next page must be on the same host.
  if (typeof next !== 'string' || !URL.canParse(next) || new URL(next).origin !== new URL(address).origin)
    throw new Error(`${address} points to a next page elsewhere: ${String(next).slice(0, 100)}`)
  return { items: page.Items, next }
}

function isPrice(item: unknown): item is PriceItem {
  const { productName, skuName, meterName, unitOfMeasure, retailPrice } = (item ?? {}) as Partial<PriceItem>
  const texts = [productName, skuName, meterName, unitOfMeasure]
  return (
    texts.every((text) => typeof text === 'string') && typeof retailPrice === 'number' && retailPrice >= 0
  )
}

/** What a quantity costs, or why that is unknown. An unknown price is never reported as 0. */
type Priced = { source: ServicePrices['source'] } & (
  | { cost: number; unitPrice: number }
  | { unknown: string }
)

/**
 * Prices a month's quantity of a meter, in the units of `meter.unit`. Graduated prices are summed tier by tier
 * (`tierMinimumUnits`). A price is unknown when the list does not contain it, uses another unit, or contains it twice.
 */
export function getPrice(meter: Meter, quantity: number, prices: Prices, now = new Date()): Priced {
  const { source, region, items } = prices.byService[meter.service] ?? notRead
  const name = `${meter.products[0]}, ${meter.sku}, ${meter.meter}`
  if (source === 'offline') {
    const unitPrice = offline.regions.includes(region) ? meter.bundledPrice : undefined
    return unitPrice === undefined
      ? { unknown: describeMissing(name, region, source), source }
      : { cost: quantity * unitPrice, unitPrice, source }
  }
  const found = items.filter(
    (item) =>
      meter.products.includes(item.productName) &&
      item.skuName.toLowerCase() === meter.sku.toLowerCase() &&
      item.meterName.toLowerCase() === meter.meter.toLowerCase() &&
      (item.effectiveStartDate === undefined || Date.parse(item.effectiveStartDate) <= now.getTime()),
  )
  if (found.length === 0) return { unknown: describeMissing(name, region, source), source }
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

const notRead: ServicePrices = { source: 'list', region: 'any region', items: [] }

function describeMissing(name: string, region: string, source: 'list' | 'offline'): string {
  if (source === 'list') return `the public price list has no ${name} in ${region}`
  return offline.regions.includes(region)
    ? `the bundled table of ${offline.date} has no ${name}`
    : `the bundled table of ${offline.date} has no prices for ${region}, only for ${offline.regions.join(', ')}`
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
