import { hoursPerMonth } from '../azure/resources/meter.ts'
import type { Config } from '../config/config.ts'
import type { Estimate } from './estimate.ts'

/** A line of the old document's cost estimate beside this configuration's. */
export interface Compared {
  title: string
  /** Dollars a month as the document has them; a range where it gives one, null where it has no such line. */
  document: { from: number; to: number } | null
  /** null = cannot be told. */
  now: number | null
  /** Why the two differ. */
  because: string
}

const cent = 0.005
type Row = { title: string; parts: string[]; from: number; to: number } | { title: string; parts: string[] }

const rows: Row[] = [
  { title: 'PostgreSQL', parts: ['postgres-compute', 'postgres-storage'], from: 15, to: 15 },
  { title: 'Redis', parts: ['redis'], from: 17, to: 17 },
  { title: 'Backend container', parts: ['backend'], from: 50, to: 50 },
  { title: 'Worker container', parts: ['worker'], from: 25, to: 25 },
  { title: 'Container registry', parts: ['registry'] },
  { title: 'VPS', parts: ['vps'], from: 5, to: 10 },
  { title: 'Domain', parts: ['domain'], from: 1.25, to: 1.25 },
]
/** As the document adds it up. */
const total = { from: 113, to: 118 }

/** The estimate beside the cost section of the system's first document, and what makes the difference. */
export function compareWithDocument(config: Config, estimate: Estimate): Compared[] {
  const lines = rows.map(({ title, parts, ...range }): Compared => {
    const costs = parts.map((id) => estimate.parts.find((part) => part.id === id)?.monthly ?? null)
    const now = costs.includes(null) ? null : costs.reduce<number>((sum, cost) => sum + cost!, 0)
    const document = 'from' in range ? range : null
    return {
      title,
      document,
      now,
      because: now === null ? 'no price known' : reason(config, title, document, now),
    }
  })
  const because = estimate.total === null ? 'a part has no price' : 'the sum of the lines above'
  return [...lines, { title: 'Total', document: total, now: estimate.total, because }]
}

function reason(config: Config, title: string, document: Compared['document'], now: number): string {
  if (!document) return 'the document leaves it out'
  if (now >= document.from - cent && now <= document.to + cent) return 'as the document has it'
  const { postgres, redis, backend, worker } = config
  switch (title) {
    case 'PostgreSQL':
      return postgres.sku === 'Standard_B1ms' && postgres.storageGb === 32
        ? 'the document rounds; disk included here'
        : `${postgres.sku} with ${postgres.storageGb} GB; the document means the smallest, Standard_B1ms with 32 GB`
    case 'Redis':
      return redis.kind === 'managed'
        ? `Azure Managed Redis ${redis.sku}; the document means classic Basic C0, closed to new tenants`
        : redis.sku === 'Basic_C0'
          ? 'the document rounds'
          : `${redis.sku}; the document means Basic_C0`
    case 'Backend container':
      return containerReason(backend, { cpu: 2, memoryGb: 4 }, 1, document.from, now)
    case 'Worker container':
      return containerReason(worker, { cpu: 1, memoryGb: 2 }, worker.count, document.from, now)
    default:
      return 'the price given in the configuration'
  }
}

interface Size {
  cpu: number
  memoryGb: number
}

function containerReason(size: Size, document: Size, count: number, documented: number, now: number): string {
  if (size.cpu !== document.cpu || size.memoryGb !== document.memoryGb || count !== 1) {
    const number = count === 1 ? '' : `${count} × `
    return `${number}${size.cpu} CPU, ${size.memoryGb} GB; the document means one of ${document.cpu} CPU, ${document.memoryGb} GB`
  }
  const hours = Math.round((documented / now) * hoursPerMonth)
  return `runs all ${hoursPerMonth} h of a month; the document's figure would pay for ${hours} h`
}
