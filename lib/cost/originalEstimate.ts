import type { Size } from '../azure/containers/limits.ts'
import { hoursPerMonth } from '../azure/resources/resource.ts'
import type { Config } from '../config/config.ts'
import type { Estimate } from './estimate.ts'

/**
 * A line of the system's original cost estimate (docs/original-document.md), next to the figure for this configuration.
 */
export interface Compared {
  title: string
  /** Dollars a month in the original estimate; null where it has no such line. */
  document: Range | null
  /** null = unknown. */
  now: number | null
  /** Why the two differ. */
  because: string
}

interface Range {
  from: number
  to: number
}

interface Row {
  title: string
  /** Ids of the parts of the estimate that make up this line. */
  parts: readonly string[]
  original?: Range
  /** Why the two differ, if they do. */
  explain?(config: Config, now: number): string
}

const exactly = (dollars: number): Range => ({ from: dollars, to: dollars })

/** The monthly figures of the original estimate: docs/original-document.md, "Cost for a month, in US dollars". */
const rows: readonly Row[] = [
  {
    title: 'PostgreSQL',
    parts: ['postgres-compute', 'postgres-storage'],
    original: exactly(15),
    explain: ({ postgres: { sku, storageGb } }) =>
      sku === 'Standard_B1ms' && storageGb === 32
        ? 'the original rounds; the disk is included here'
        : `${sku} with ${storageGb} GB; the original assumes the smallest, Standard_B1ms with 32 GB`,
  },
  {
    title: 'Redis',
    parts: ['redis'],
    original: exactly(17),
    explain({ redis: { kind, sku } }) {
      if (kind === 'managed')
        return `Azure Managed Redis ${sku}; the original assumes classic Basic C0, closed to new tenants`
      return sku === 'Basic_C0' ? 'the original rounds' : `${sku}; the original assumes Basic_C0`
    },
  },
  {
    title: 'Backend container',
    parts: ['backend'],
    original: exactly(50),
    explain: ({ backend }, now) =>
      explainContainer({ ...backend, count: 1 }, { cpu: 2, memoryGb: 4 }, 50, now),
  },
  {
    title: 'Worker container',
    parts: ['worker'],
    original: exactly(25),
    explain: ({ worker }, now) => explainContainer(worker, { cpu: 1, memoryGb: 2 }, 25, now),
  },
  { title: 'Container registry', parts: ['registry'] },
  { title: 'VPS', parts: ['vps'], original: { from: 5, to: 10 } },
  { title: 'Domain', parts: ['domain'], original: exactly(1.25) },
]
/** The total as stated in the original estimate. */
const total: Range = { from: 113, to: 118 }

const cent = 0.005

/** Compares the estimate line by line with the original one, and explains each difference. */
export function compareWithOriginal(config: Config, estimate: Estimate): Compared[] {
  const hasRow = (id: string) => rows.some(({ parts }) => parts.includes(id))
  const others = estimate.parts
    .filter(({ id }) => !hasRow(id))
    .map(({ id, title }) => ({ title, parts: [id] }))
  const lines = [...rows, ...others].map((row: Row): Compared => {
    const costs = row.parts.map((id) => estimate.parts.find((part) => part.id === id)?.monthly ?? null)
    const now = costs.includes(null) ? null : costs.reduce<number>((sum, cost) => sum + cost!, 0)
    return { title: row.title, document: row.original ?? null, now, because: explain(row, config, now) }
  })
  const because = estimate.total === null ? 'a part has no price' : 'the sum of the lines above'
  return [...lines, { title: 'Total', document: total, now: estimate.total, because }]
}

function explain({ original, explain }: Row, config: Config, now: number | null): string {
  if (now === null) return 'no price known'
  if (!original) return 'the original omits it'
  if (now >= original.from - cent && now <= original.to + cent) return 'same as the original'
  return explain?.(config, now) ?? 'the configured price'
}

function explainContainer(
  { cpu, memoryGb, count }: Size & { count: number },
  original: Size,
  dollars: number,
  now: number,
): string {
  if (cpu !== original.cpu || memoryGb !== original.memoryGb || count !== 1) {
    const size = `${count === 1 ? '' : `${count} × `}${cpu} CPU, ${memoryGb} GB`
    return `${size}; the original assumes one with ${original.cpu} CPU, ${original.memoryGb} GB`
  }
  const hours = Math.round((dollars / now) * hoursPerMonth)
  return `runs all ${hoursPerMonth} h of a month; the original figure pays for ${hours} h`
}
