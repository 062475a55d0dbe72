import type { Config } from '../config/config.ts'

/** One row of the Azure Retail Prices API; field names as it spells them. `retailPrice` is in US dollars per unit. */
export interface PriceItem {
  serviceName: string
  productName: string
  skuName: string
  meterName: string
  /** Such as `1 Hour`, `1 GB Hour`, `1 GB/Month`, `1/Day`. */
  unitOfMeasure: string
  retailPrice: number
  /** The quantity a month from which this price counts; absent = from the first unit. */
  tierMinimumUnits?: number
  /** ISO time; a price may be announced before it is in force. */
  effectiveStartDate?: string
}

/** What Azure counts for a part of the system, and how the price list names it. */
export interface Meter {
  service: Service
  /** Any of these: Azure renames products now and then. */
  products: readonly string[]
  /** Compared without regard to case: the list has `B1MS` and `B2s` side by side. */
  sku: string
  /** Any of these. */
  meters: readonly string[]
  unit: string
}

/** The price list's names of the services that the system uses. */
export const services = [
  'Azure Database for PostgreSQL',
  'Redis Cache',
  'Container Instances',
  'Container Registry',
] as const
export type Service = (typeof services)[number]

/** Hours of a month as Azure's own calculator counts them: 365.25 days / 12, rounded. */
export const hoursPerMonth = 730
export const daysPerMonth = hoursPerMonth / 24

export const postgresCompute = ({ postgres }: Config): Meter => {
  const size = postgres.sku.replace(/^Standard_/, '')
  return {
    service: 'Azure Database for PostgreSQL',
    products: ['Azure Database for PostgreSQL Flexible Server Burstable BS Series Compute'],
    sku: size,
    meters: [size],
    unit: '1 Hour',
  }
}

/** Backups are free up to the size of the disk: no meter of their own. */
export const postgresStorage: Meter = {
  service: 'Azure Database for PostgreSQL',
  products: [
    'Azure Database for PostgreSQL Flex Server Storage',
    'Az DB for PostgreSQL Flexible Server Storage',
  ],
  sku: 'Storage',
  meters: ['Storage Data Stored'],
  unit: '1 GB/Month',
}

const managedFamilies: Record<string, string> = {
  Balanced: 'Balanced',
  MemoryOptimized: 'Memory Optimized',
  ComputeOptimized: 'Compute Optimized',
}

/**
 * The list has two meters for the classic tiers above Basic: `C1 Cache` is the whole cache, `C1 Cache Instance` one of
 * its two nodes. A managed cache is counted by node; the data tier makes it without high availability, so one.
 */
export function redis({ redis: { kind, sku } }: Config): Meter {
  const [family = '', size = ''] = sku.split('_')
  const managed = kind === 'managed'
  return {
    service: 'Redis Cache',
    products: [
      managed ? `Azure Managed Redis - ${managedFamilies[family] ?? family}` : `Azure Redis Cache ${family}`,
    ],
    sku: size,
    meters: [managed ? `${size} Cache Instance` : `${size} Cache`],
    unit: '1 Hour',
  }
}

export const registry: Meter = {
  service: 'Container Registry',
  products: ['Container Registry'],
  sku: 'Basic',
  meters: ['Basic Registry Unit'],
  unit: '1/Day',
}

const container = (meter: string, unit: string): Meter => ({
  service: 'Container Instances',
  products: ['Container Instances'],
  sku: 'Standard',
  meters: [meter],
  unit,
})
/** Linux; Windows has a meter on top. Counted while the group exists and runs. */
export const containerCpu = container('Standard vCPU Duration', '1 Hour')
export const containerMemory = container('Standard Memory Duration', '1 GB Hour')
