import { expect, test } from 'vitest'
import { createPricesRequest, parsePage, readPrices } from '../../../lib/cost/priceList.ts'
import { createPrice, createPriceServer, page } from '../../support/priceFixtures.ts'

test('requests the pay-as-you-go prices of one service in one region, with spaces as %20', () => {
  expect(createPricesRequest('Redis Cache', 'westeurope')).toEqual({
    method: 'GET',
    url:
      'https://prices.azure.com/api/retail/prices?api-version=2023-01-01-preview&%24filter=serviceName%20eq%20%27Redis%20Cache%27' +
      '%20and%20armRegionName%20eq%20%27westeurope%27%20and%20priceType%20eq%20%27Consumption%27',
    effect: 'read',
    timeoutMs: 15_000,
    as: 'az',
  })
})

test('reads every page and returns the date of the prices', async () => {
  const next = 'https://prices.azure.com:443/api/retail/prices?$skip=1000'
  const { context, asked } = await createPriceServer((url) =>
    url.searchParams.has('$skip')
      ? { body: page([createPrice({ meterName: 'second' })]) }
      : { body: page([createPrice({ meterName: 'first' })], url.search.includes('Redis') ? next : null) },
  )
  const prices = await readPrices(context)
  expect(prices.byService['Redis Cache']).toMatchObject({
    source: 'list',
    items: [{ meterName: 'first' }, { meterName: 'second' }],
  })
  expect(asked).toHaveLength(5)
  expect(prices).toMatchObject({ priced: new Date().toISOString().slice(0, 10) })
  expect(Object.values(prices.byService).map(({ region }) => region)).toEqual(Array(4).fill('eastus'))
  expect(prices.note).toBeUndefined()
})

test('an endless list is not followed forever', async () => {
  const { context, asked } = await createPriceServer(() => ({
    body: page([], 'https://prices.azure.com/api/retail/prices?$skip=1'),
  }))
  expect((await readPrices(context)).note).toContain('more than 20 pages')
  expect(asked.length).toBe(80)
})

test.each([
  ['no connection', () => new Error('connect ECONNREFUSED'), 'ECONNREFUSED'],
  ['a refusal', () => ({ status: 429, body: 'Too many requests' }), 'answered 429: Too many requests'],
  ['a page of a proxy', () => ({ body: '<html>Sign in' }), 'did not return JSON: <html>Sign in'],
  ['another shape', () => ({ body: '{"error":1}' }), 'JSON without Items'],
  ['null', () => ({ body: 'null' }), 'JSON without Items'],
])('%s: the bundled table, and the note says so', async (_what, answer, why) => {
  const { context } = await createPriceServer(answer)
  const prices = await readPrices(context)
  expect(prices.note).toContain(why)
  expect(prices.note).toContain('from the bundled table of 2026-08-11')
  expect(prices.priced).toBe('2026-08-11')
  expect(prices.byService['Container Registry']?.source).toBe('offline')
})

test('one service without an answer: only its prices are from the table', async () => {
  const { context } = await createPriceServer((url) =>
    url.search.includes('Redis') ? new Error('reset') : { body: page([createPrice({})]) },
  )
  const prices = await readPrices(context)
  expect(prices.byService['Redis Cache']?.source).toBe('offline')
  expect(prices.byService['Container Instances']?.source).toBe('list')
  expect(prices).toMatchObject({ priced: '2026-08-11' })
  expect(prices.note).toContain('for 1 of 4 services (reset)')
})

test('--offline makes no request', async () => {
  const { context, asked } = await createPriceServer(() => new Error('asked'))
  expect((await readPrices(context, { offline: true })).priced).toBe('2026-08-11')
  expect(asked).toEqual([])
})

test('a page is parsed strictly', () => {
  expect(() => parsePage(page([createPrice({ retailPrice: Number.NaN })]))).toThrow('cannot be parsed')
  expect(() => parsePage(page([createPrice({})], 'https://elsewhere.example/next'))).toThrow('elsewhere')
  expect(() => parsePage(page([createPrice({})], null, 'EUR'))).toThrow('prices in EUR')
})
