import type { PriceItem } from '../../lib/cost/priceList.ts'
import type { HttpRequest, HttpResponse } from '../../lib/net/http.ts'
import type { Runner } from '../../lib/shell/runner.ts'
import { loadTestConfig, openRunner } from './helpers.ts'

export const createPrice = (more: Partial<PriceItem>): PriceItem => ({
  serviceName: 'Container Instances',
  productName: 'Container Instances',
  skuName: 'Standard',
  meterName: 'Standard vCPU Duration',
  unitOfMeasure: '1 Hour',
  retailPrice: 0.05,
  tierMinimumUnits: 0,
  effectiveStartDate: '2026-01-01T00:00:00Z',
  ...more,
})

export const page = (items: unknown[], next: string | null = null, currency = 'USD'): string =>
  JSON.stringify({ BillingCurrency: currency, Items: items, NextPageLink: next, Count: items.length })

/** A context whose requests are answered locally. `asked` lists their URLs, in order. */
export async function createPriceServer(
  answer: (url: URL) => { status?: number; body: string } | Error,
  ...env: string[]
) {
  const asked: string[] = []
  const runner: Runner = {
    ...openRunner(),
    async request({ url }: HttpRequest): Promise<HttpResponse> {
      asked.push(url)
      const given = answer(new URL(url))
      if (given instanceof Error) throw given
      return { status: given.status ?? 200, headers: {}, body: given.body, phases: { total: 1 } }
    },
  }
  return { context: { config: await loadTestConfig(...env), runner }, asked }
}
