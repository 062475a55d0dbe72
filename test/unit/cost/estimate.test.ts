import { expect, test } from 'vitest'
import { cpuMeter } from '../../../lib/azure/resources/containerGroups.ts'
import { postgres } from '../../../lib/azure/resources/postgres.ts'
import { estimateCost, monthlyEstimate } from '../../../lib/cost/estimate.ts'
import { compareWithOriginal } from '../../../lib/cost/originalEstimate.ts'
import { getPrice, type Prices, readPrices } from '../../../lib/cost/priceList.ts'
import { formatEstimate } from '../../../lib/cost/report.ts'
import { loadTestConfig } from '../../support/helpers.ts'
import { createPrice, createPriceServer, page } from '../../support/priceFixtures.ts'

const offline = async (...env: string[]): Promise<Prices> =>
  readPrices((await createPriceServer(() => new Error('nobody'), ...env)).context, { offline: true })
const containers = (...items: ReturnType<typeof createPrice>[]): Prices => {
  const nothing = { source: 'list', region: 'eastus', items: [] } as const
  return {
    currency: 'USD',
    priced: '2026-11-01',
    byService: {
      'Azure Database for PostgreSQL': nothing,
      'Redis Cache': nothing,
      'Container Registry': nothing,
      'Container Instances': { source: 'list', region: 'eastus', items },
    },
  }
}
const now = new Date('2026-11-20')

test('the default configuration with the prices of the bundled table', async () => {
  const estimate = estimateCost(await loadTestConfig(''), await offline())
  expect(Object.fromEntries(estimate.parts.map(({ id, monthly }) => [id, monthly]))).toEqual({
    'postgres-compute': 12.41, // 730 × 0.017
    'postgres-storage': 3.68, // 32 × 0.115
    redis: 11.68, // 730 × 0.016
    registry: 5.07, // 30.417 × 0.1666
    backend: 72.12, // 730 × (2 × 0.0405 + 4 × 0.00445)
    worker: 36.06,
    vps: 7.5,
    domain: 1.25,
  })
  expect(estimate).toMatchObject({ total: 149.77, known: 149.77, priced: '2026-08-11', currency: 'USD' })
})

test('workers, sizes and the prices of IONOS count', async () => {
  const config = await loadTestConfig(
    ...['WORKER_COUNT=3', 'WORKER_CPU=0.5', 'WORKER_MEMORY_GB=1', 'POSTGRES_STORAGE_GB=64'],
    ...['REDIS_KIND=classic', 'REDIS_SKU=Basic_C0', 'VPS_MONTHLY_USD=6', 'DOMAIN_YEARLY_USD=24'],
  )
  const { parts } = estimateCost(config, await offline())
  const of = (id: string) => parts.find((part) => part.id === id)
  expect(of('worker')).toMatchObject({ monthly: 54.09, title: 'Worker containers (3)' })
  expect(of('postgres-storage')).toMatchObject({ monthly: 7.36 })
  expect(of('redis')).toMatchObject({ monthly: 16.06 })
  expect(of('vps')).toMatchObject({ monthly: 6, source: 'configured' })
  expect(of('domain')).toMatchObject({ monthly: 2, source: 'configured' })
})

test('a price that the list does not have is unknown, and so is the total', async () => {
  const { context } = await createPriceServer(() => ({ body: page([createPrice({})]) }))
  const estimate = await monthlyEstimate(context)
  const backend = estimate.parts.find(({ id }) => id === 'backend')
  expect(backend).toMatchObject({ monthly: null, source: 'list' })
  expect(backend?.unknown).toBe(
    'the public price list has no Container Instances, Standard, Standard Memory Duration in eastus',
  )
  expect(estimate).toMatchObject({ total: null, known: 8.75 })
  const text = formatEstimate(estimate, compareWithOriginal(context.config, estimate))
  expect(text).toMatch(/Total +UNKNOWN +\$8\.75 for the parts that have a price/)
  expect(text).not.toContain('NaN')
})

test('a server of a larger tier is priced by its series and its cores', async () => {
  const lines = ['POSTGRES_SKU=Standard_D2ds_v5']
  const { parts } = estimateCost(await loadTestConfig(...lines), await offline(...lines))
  expect(parts[0]).toMatchObject({ id: 'postgres-compute', monthly: 129.94, source: 'offline' })
  const config = await loadTestConfig('POSTGRES_SKU=Standard_E4ads_v5')
  expect(postgres.getPricedParts(config)[0]?.quantities[0]?.meter).toMatchObject({
    products: expect.arrayContaining([
      'Azure Database for PostgreSQL Flexible Server Memory Optimized Eadsv5 Series Compute',
    ]),
    sku: '4 vCore',
    meter: 'vCore',
  })
})

test('each service is priced in its own region', async () => {
  const { byService } = await offline('POSTGRES_LOCATION=westeurope', 'REDIS_LOCATION=northeurope')
  const regions = Object.entries(byService).map(([service, { region }]) => `${service}: ${region}`)
  expect(regions.sort()).toEqual([
    'Azure Database for PostgreSQL: westeurope',
    'Container Instances: eastus',
    'Container Registry: eastus',
    'Redis Cache: northeurope',
  ])
})

test('a region that the bundled table lacks is unknown', async () => {
  const { parts } = estimateCost(
    await loadTestConfig('AZURE_LOCATION=westeurope'),
    await offline('AZURE_LOCATION=westeurope'),
  )
  expect(parts[0]).toMatchObject({
    monthly: null,
    unknown: 'the bundled table of 2026-08-11 has no prices for westeurope, only for eastus, eastus2',
  })
})

test('graduated prices are summed tier by tier', () => {
  const prices = containers(
    createPrice({ tierMinimumUnits: 100, retailPrice: 0.5 }),
    createPrice({ tierMinimumUnits: 0, retailPrice: 1 }),
    createPrice({ tierMinimumUnits: 1000, retailPrice: 0.1 }),
  )
  expect(getPrice(cpuMeter, 1500, prices, now)).toMatchObject({ cost: 100 + 450 + 50 })
  expect(getPrice(cpuMeter, 50, prices, now)).toMatchObject({ cost: 50 })
})

test('the current price counts, not an older or announced one', () => {
  const prices = containers(
    createPrice({ retailPrice: 3, effectiveStartDate: '2027-01-01T00:00:00Z' }),
    createPrice({ retailPrice: 2, effectiveStartDate: '2026-06-01T00:00:00Z' }),
    createPrice({ retailPrice: 1, effectiveStartDate: '2021-06-01T00:00:00Z' }),
  )
  expect(getPrice(cpuMeter, 1, prices, now)).toMatchObject({ cost: 2 })
})

test('spot prices, other units and ambiguous answers are not used as the price', () => {
  const spot = createPrice({
    skuName: 'Standard Spot',
    meterName: 'Standard Spot vCPU Duration',
    retailPrice: 0.01,
  })
  expect(getPrice(cpuMeter, 1, containers(spot), now)).toHaveProperty('unknown')
  expect(getPrice(cpuMeter, 1, containers(createPrice({ unitOfMeasure: '100 Seconds' })), now)).toMatchObject(
    {
      unknown: expect.stringContaining('per "100 Seconds", not per "1 Hour"'),
    },
  )
  expect(
    getPrice(cpuMeter, 1, containers(createPrice({}), createPrice({ retailPrice: 9 })), now),
  ).toMatchObject({
    unknown: expect.stringContaining('several prices'),
  })
})

test('the original estimate is compared line by line, with the reason for each difference', async () => {
  const config = await loadTestConfig('WORKER_COUNT=2')
  const compared = compareWithOriginal(config, estimateCost(config, await offline()))
  expect(compared.map(({ title, document, now }) => [title, document?.from, document?.to, now])).toEqual([
    ['PostgreSQL', 15, 15, 16.09],
    ['Redis', 17, 17, 11.68],
    ['Backend container', 50, 50, 72.12],
    ['Worker container', 25, 25, 72.12],
    ['Container registry', undefined, undefined, 5.07],
    ['VPS', 5, 10, 7.5],
    ['Domain', 1.25, 1.25, 1.25],
    ['Total', 113, 118, 185.83],
  ])
  expect(compared[2]?.because).toBe('runs all 730 h of a month; the original figure pays for 506 h')
  expect(compared[3]?.because).toBe('2 × 1 CPU, 2 GB; the original assumes one with 1 CPU, 2 GB')
  expect(compared[6]?.because).toBe('same as the original')
})

test('a part that the original estimate lacks has its own line', async () => {
  const config = await loadTestConfig()
  const estimate = estimateCost(config, await offline())
  const storage = { ...estimate.parts[0]!, id: 'storage', title: 'Storage account', monthly: 2 }
  const compared = compareWithOriginal(config, { ...estimate, parts: [...estimate.parts, storage] })
  expect(compared.at(-2)).toEqual({
    ...{ title: 'Storage account', document: null, now: 2, because: 'the original omits it' },
  })
})
