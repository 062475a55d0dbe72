import { getResources } from '../azure/resources/index.ts'
import type { PricedPart } from '../azure/resources/resource.ts'
import { type Config, formatKeyFile } from '../config/config.ts'
import type { Context } from '../tasks/task.ts'
import offline from './offline.json' with { type: 'json' }
import { getPrice, type Prices, readPrices } from './priceList.ts'

/** What one part of the system costs a month. */
export interface Part {
  id: string
  title: string
  /** Dollars a month; null = unknown, and `unknown` says why. */
  monthly: number | null
  currency: 'USD'
  /** The calculation, for a person to check. */
  quantity: string
  /** The public list, the bundled table, or a price set in .env. */
  source: 'list' | 'offline' | 'configured'
  unknown?: string
}

/** What the configured system costs a month, in US dollars before tax. */
export interface Estimate {
  parts: Part[]
  /** null when a part is unknown. */
  total: number | null
  /** The sum of the known parts. */
  known: number
  currency: 'USD'
  /** ISO date of the oldest Azure price in it. */
  priced: string
  note?: string
}

/** Estimates the configuration of the context. Reads the public price list (no login); see readPrices. */
export const monthlyEstimate = async (context: Context, options?: { offline?: boolean }): Promise<Estimate> =>
  estimateCost(context.config, await readPrices(context, options))

/** The parts to list first, in this order. */
const order = ['postgres-compute', 'postgres-storage', 'redis', 'registry']

/**
 * Estimates a configuration with prices that have already been read, so that comparing two configurations
 * reads them once.
 */
export function estimateCost(config: Config, prices: Prices): Estimate {
  const azureParts = getResources(config).flatMap((resource) => resource.getPricedParts(config))
  const rank = ({ id }: PricedPart) => (order.includes(id) ? order.indexOf(id) : order.length)
  const parts = [
    ...azureParts.sort((a, b) => rank(a) - rank(b)).map((part) => estimatePart(part, prices)),
    ...estimateIonos(config),
  ]
  const known = round(parts.reduce((sum, { monthly }) => sum + (monthly ?? 0), 0))
  const whole = parts.every(({ monthly }) => monthly !== null)
  const { currency, priced, note } = prices
  return { parts, total: whole ? known : null, known, currency, priced, ...(note ? { note } : {}) }
}

function estimatePart({ id, title, quantities, remark = '' }: PricedPart, prices: Prices): Part {
  const answers = quantities.map(({ meter, quantity, formula }) => ({
    formula,
    ...getPrice(meter, quantity, prices),
  }))
  const about = { id, title, currency: 'USD', source: answers[0]?.source ?? 'list' } as const
  const unknown = answers.find((answer) => 'unknown' in answer)
  if (unknown) {
    const quantity = answers.map(({ formula }) => formula).join(' + ')
    return { ...about, monthly: null, quantity: quantity + remark, unknown: unknown.unknown }
  }
  const costs = answers.flatMap((answer) => ('cost' in answer ? answer : []))
  return {
    ...about,
    monthly: round(costs.reduce((sum, { cost }) => sum + cost, 0)),
    quantity: costs.map(({ formula, unitPrice }) => `${formula} × $${unitPrice}`).join(' + ') + remark,
  }
}

/** IONOS has no price list for programs: the prices are configured, or assumed. */
function estimateIonos({ cost: { vpsMonthly: vps, domainYearly: domain } }: Config): Part[] {
  const assumed = offline.ionos
  const part = (id: string, title: string, monthly: number, given: boolean, quantity: string): Part => ({
    ...{ id, title, monthly: round(monthly), currency: 'USD', quantity },
    source: given ? 'configured' : 'offline',
  })
  return [
    part(
      'vps',
      'IONOS VPS',
      vps ?? assumed.vpsMonthly,
      vps !== undefined,
      vps === undefined
        ? `the middle of the original estimate, $${assumed.vpsRange}; set your own price: VPS_MONTHLY_USD in ${formatKeyFile('VPS_MONTHLY_USD')}`
        : 'VPS_MONTHLY_USD',
    ),
    part(
      'domain',
      'Domain',
      (domain ?? assumed.domainYearly) / 12,
      domain !== undefined,
      domain === undefined
        ? `the original estimate, $${assumed.domainYearly} a year; set your own price: DOMAIN_YEARLY_USD in ${formatKeyFile('DOMAIN_YEARLY_USD')}`
        : `DOMAIN_YEARLY_USD $${domain} / 12`,
    ),
  ]
}

const round = (dollars: number): number => Math.round(dollars * 100) / 100
