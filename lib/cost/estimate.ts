import type { Config } from '../config/config.ts'
import type { Context } from '../tasks/context.ts'
import {
  containerCpu,
  containerMemory,
  daysPerMonth,
  hoursPerMonth,
  type Meter,
  postgresCompute,
  postgresStorage,
  redis,
  registry,
} from './meters.ts'
import offline from './offline.json' with { type: 'json' }
import { getPrice } from './price.ts'
import { type Prices, readPrices } from './priceList.ts'

export type PartId =
  | 'postgres-compute'
  | 'postgres-storage'
  | 'redis'
  | 'registry'
  | 'backend'
  | 'worker'
  | 'vps'
  | 'domain'

/** What one part of the system costs a month. */
export interface Part {
  id: PartId
  title: string
  /** Dollars a month; null = cannot be told, and `unknown` says why. */
  monthly: number | null
  currency: 'USD'
  /** How it is computed, for a person to check. */
  quantity: string
  /** The public list, the dated table, or a price that .env gives. */
  source: 'list' | 'offline' | 'configured'
  unknown?: string
}

/** What the configured system costs a month, in US dollars before tax. */
export interface Estimate {
  parts: Part[]
  /** null when a part is unknown: a sum without it would be taken for the whole. */
  total: number | null
  /** The sum of the parts that are known. */
  known: number
  currency: 'USD'
  /** ISO date of the oldest Azure price in it. */
  priced: string
  note?: string
}

/** Estimates the configuration of the context. Asks the public price list (no login); see readPrices. */
export async function monthlyEstimate(
  context: Context,
  options: { offline?: boolean } = {},
): Promise<Estimate> {
  return estimateCost(context.config, await readPrices(context, options))
}

/** Estimates a configuration with prices already read: to compare two configurations, read once. */
export function estimateCost(config: Config, prices: Prices): Estimate {
  const { postgres, backend, worker } = config
  const hours = `${hoursPerMonth} h`
  const priced = (id: PartId, title: string, lines: Line[], more = ''): Part =>
    partOf(id, title, lines, prices, more)
  const parts: Part[] = [
    priced('postgres-compute', `PostgreSQL server ${postgres.sku}`, [
      { meter: postgresCompute(config), quantity: hoursPerMonth, says: hours },
    ]),
    priced(
      'postgres-storage',
      'PostgreSQL disk and backups',
      [{ meter: postgresStorage, quantity: postgres.storageGb, says: `${postgres.storageGb} GB` }],
      `; ${postgres.backupDays} days of backups are free up to ${postgres.storageGb} GB`,
    ),
    priced('redis', `Redis ${config.redis.sku}`, [
      { meter: redis(config), quantity: hoursPerMonth, says: hours },
    ]),
    priced('registry', 'Container registry Basic', [
      { meter: registry, quantity: daysPerMonth, says: `${daysPerMonth.toFixed(1)} days` },
    ]),
    priced('backend', 'Backend container', containerLines(backend.cpu, backend.memoryGb, 1)),
    priced(
      'worker',
      worker.count === 1 ? 'Worker container' : `Worker containers (${worker.count})`,
      containerLines(worker.cpu, worker.memoryGb, worker.count),
    ),
    ...ionosParts(config),
  ]
  const known = round(parts.reduce((sum, { monthly }) => sum + (monthly ?? 0), 0))
  const whole = parts.every(({ monthly }) => monthly !== null)
  const { currency, note } = prices
  return {
    parts,
    total: whole ? known : null,
    known,
    currency,
    priced: prices.priced,
    ...(note ? { note } : {}),
  }
}

interface Line {
  meter: Meter
  quantity: number
  says: string
}

function partOf(id: PartId, title: string, lines: Line[], prices: Prices, more: string): Part {
  const answers = lines.map(({ meter, quantity, says }) => ({ says, ...getPrice(meter, quantity, prices) }))
  const { source } = answers[0]!
  const unknown = answers.find((answer) => 'unknown' in answer)
  const about = { id, title, currency: 'USD', source } as const
  if (unknown && 'unknown' in unknown) {
    const quantity = answers.map(({ says }) => says).join(' + ')
    return { ...about, monthly: null, quantity: quantity + more, unknown: unknown.unknown }
  }
  const costs = answers.flatMap((answer) => ('cost' in answer ? answer : []))
  return {
    ...about,
    monthly: round(costs.reduce((sum, { cost }) => sum + cost, 0)),
    quantity: costs.map(({ says, unitPrice }) => `${says} × $${unitPrice}`).join(' + ') + more,
  }
}

function containerLines(cpu: number, memoryGb: number, count: number): Line[] {
  const times = `${count === 1 ? '' : `${count} × `}${hoursPerMonth} h`
  return [
    { meter: containerCpu, quantity: count * cpu * hoursPerMonth, says: `${times} × ${cpu} CPU` },
    { meter: containerMemory, quantity: count * memoryGb * hoursPerMonth, says: `${times} × ${memoryGb} GB` },
  ]
}

function ionosParts({ cost }: Config): Part[] {
  const { vpsMonthly, domainYearly, vpsRange } = offline.ionos
  const part = (
    id: 'vps' | 'domain',
    title: string,
    monthly: number,
    given: boolean,
    quantity: string,
  ): Part => ({
    id,
    title,
    monthly: round(monthly),
    currency: 'USD',
    quantity,
    source: given ? 'configured' : 'offline',
  })
  const vps = cost.vpsMonthly
  const domain = cost.domainYearly
  return [
    part(
      'vps',
      'IONOS VPS',
      vps ?? vpsMonthly,
      vps !== undefined,
      vps === undefined
        ? `the middle of the document's $${vpsRange}; your bill goes into VPS_MONTHLY_USD`
        : 'VPS_MONTHLY_USD',
    ),
    part(
      'domain',
      'Domain',
      (domain ?? domainYearly) / 12,
      domain !== undefined,
      domain === undefined
        ? `$${domainYearly} a year, the document's; your bill goes into DOMAIN_YEARLY_USD`
        : `DOMAIN_YEARLY_USD $${domain} / 12`,
    ),
  ]
}

/** To the cent. */
const round = (dollars: number): number => Math.round(dollars * 100) / 100
