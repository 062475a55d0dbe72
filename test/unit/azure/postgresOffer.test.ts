import { expect, test } from 'vitest'
import { type Capability, judgeCapabilities, judgeQuota } from '../../../lib/azure/resources/postgresOffer.ts'
import { loadTestConfig } from '../../support/helpers.ts'

const open: Capability = {
  restricted: 'Disabled',
  supportedFeatures: [{ name: 'OfferRestricted', status: 'Disabled' }],
  supportedServerVersions: [{ name: '15' }, { name: '16' }, { name: '17', status: 'Disabled' }],
  supportedServerEditions: [
    { name: 'Burstable', supportedServerSkus: [{ name: 'standard_b1ms', vCores: 1 }] },
    { name: 'GeneralPurpose', supportedServerSkus: [{ name: 'Standard_D2ds_v5', vCores: 2 }] },
  ],
}
const judge = async (capability: Capability | undefined, ...lines: string[]) =>
  judgeCapabilities(await loadTestConfig(...lines), capability ? [capability] : [], 'eastus')

test.each<[string, Capability]>([
  ['restricted, the oldest form', { ...open, restricted: 'Enabled' }],
  [
    'the feature OfferRestricted',
    { ...open, restricted: null, supportedFeatures: [{ name: 'OfferRestricted', status: 'Enabled' }] },
  ],
  ['a list without versions', { supportedServerVersions: [], supportedServerEditions: null }],
  [
    'a reason',
    { ...open, reason: 'Provisioning is restricted in this region. Please choose a different region.' },
  ],
])('a region is closed by %s alone', async (_, capability) => {
  expect(await judge(capability)).toMatchObject({
    verdict: 'CRITICAL',
    detail: 'This subscription may not create PostgreSQL servers in eastus',
    next: 'Or ask Microsoft to enable this one: https://aka.ms/postgres-request-quota-increase',
  })
})

test.each<[string, Capability | undefined, string[], string, RegExp]>([
  ['everything', open, [], 'OK', /^PostgreSQL 16 in eastus$/],
  ['another version', open, ['POSTGRES_VERSION=18'], 'CRITICAL', /offers only PostgreSQL 15, 16 in eastus/],
  ['a version only by name', open, ['POSTGRES_VERSION=17'], 'CRITICAL', /offers only PostgreSQL 15, 16/],
  [
    'another size',
    open,
    ['POSTGRES_SKU=Standard_E2ds_v5'],
    'CRITICAL',
    /not offer the size Standard_E2ds_v5/,
  ],
  ['no list at all', { restricted: null }, [], 'UNKNOWN', /does not report/],
  ['no answer', undefined, [], 'UNKNOWN', /does not report/],
])('a region that offers %s', async (_, capability, lines, verdict, detail) => {
  expect(await judge(capability, ...lines)).toMatchObject({
    verdict,
    detail: expect.stringMatching(detail),
  })
})

const usage = (value: string, currentValue: number, limit: number) => ({
  name: { value },
  currentValue,
  limit,
})

test.each([
  ['enough', [usage('cores', 8, 10), usage('StandardDDSv5Family', 8, 10)], 'OK', 'quota for'],
  [
    'too few in the region',
    [usage('cores', 9, 10)],
    'CRITICAL',
    'cores of PostgreSQL in eastus leaves 1 of 10',
  ],
  [
    'too few of the family',
    [usage('cores', 0, 10), usage('standardDDSv5Family', 0, 0)],
    'CRITICAL',
    'standardDDSv5Family of PostgreSQL in eastus leaves 0 of 0 vCores; Standard_D2ds_v5 needs 2',
  ],
  ['none of another family', [usage('cores', 0, 10), usage('standardBSFamily', 0, 0)], 'OK', 'quota for'],
  ['not told', [], 'UNKNOWN', 'reports no quota'],
] as const)('the quota is %s', async (_, usages, verdict, detail) => {
  const config = await loadTestConfig('POSTGRES_SKU=Standard_D2ds_v5')
  expect(judgeQuota(config, usages, 2, 'eastus')).toMatchObject({
    verdict,
    detail: expect.stringContaining(detail),
  })
})
