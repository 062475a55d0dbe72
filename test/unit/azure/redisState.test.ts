import { expect, test } from 'vitest'
import { findRedisFault, type Redis } from '../../../lib/azure/resources/redis.ts'
import { noteEnvironment, noteSubscription } from '../../../lib/config/config.ts'
import { loadTestConfig } from '../../support/helpers.ts'

const cluster = (properties: object, database?: object): Redis => ({
  id: 'x',
  name: 'codexdominion-redis',
  location: 'eastus',
  properties: { ...properties },
  ...(database
    ? { database: { id: 'y', name: 'default', location: 'eastus', properties: { ...database } } }
    : {}),
})
const well = { provisioningState: 'Succeeded', resourceState: 'Running' }
const clusterId =
  '/subscriptions/sub/resourceGroups/codexdominion-prod/providers/Microsoft.Cache/redisEnterprise/codexdominion-redis'

const fault = async (redis: Redis, lines: string[] = [], environment?: string) => {
  const config = await loadTestConfig(...lines)
  noteEnvironment(environment)
  noteSubscription('sub')
  return findRedisFault(config, redis, 'sub')
}

test.each([
  ['with its database', cluster(well, { ...well, clusteringPolicy: 'NoCluster' })],
  ['without one yet', cluster(well)],
  ['while it is made', cluster({ provisioningState: 'Creating', resourceState: 'Creating' })],
  ['while its size changes', cluster({ provisioningState: 'Updating', resourceState: 'Scaling' }, well)],
])('nothing is wrong with a Redis %s', async (_, redis) => {
  expect(await fault(redis)).toBeUndefined()
})

test.each([
  ['Failed', 'CreateFailed', 'Failed (CreateFailed)'],
  ['Failed', 'DeleteFailed', 'Failed (DeleteFailed)'],
  ['Failed', undefined, 'Failed'],
  ['Canceled', 'Creating', 'Canceled (Creating)'],
  ['Succeeded', 'CreateFailed', 'Succeeded (CreateFailed)'],
])(
  'a cluster in the state %s and %s without a database is empty',
  async (provisioningState, resourceState, words) => {
    const found = await fault(cluster({ provisioningState, resourceState }))
    expect(found).toEqual({
      what: `Redis codexdominion-redis is in the state ${words} and has no database`,
      next: expect.stringMatching(/^npx dominion provision {3}\(it deletes this empty Redis/),
      empty: true,
    })
  },
)

test('a failed cluster with a database is not touched, and the command that deletes it is shown', async () => {
  const found = await fault(
    cluster({ provisioningState: 'Failed', resourceState: 'UpdateFailed' }, well),
    [],
    'prod',
  )
  expect(found).toMatchObject({ what: expect.stringContaining('Failed (UpdateFailed)'), empty: false })
  expect(found?.next).toContain(`az resource delete --ids ${clusterId} --api-version 2025-07-01 `)
  expect(found?.next).toMatch(
    / {3}az container delete --resource-group codexdominion-prod --name codex-backend --yes --subscription sub {3}az container delete .* --name codex-worker .* {3}Then: npx dominion deploy-complete --env prod$/,
  )
})

test('a failed database in a healthy cluster: the command deletes only the database', async () => {
  const found = await fault(cluster(well, { provisioningState: 'Failed', resourceState: 'CreateFailed' }))
  expect(found).toMatchObject({ what: expect.stringMatching(/^The database of Redis/), empty: false })
  expect(found?.next).toContain(`--ids ${clusterId}/databases/default --api-version 2025-07-01 `)
})

test('classic Redis never counts as empty, because its content is not visible', async () => {
  const lines = ['REDIS_KIND=classic', 'REDIS_SKU=Basic_C0']
  const found = await fault(cluster({ provisioningState: 'Failed' }), lines)
  expect(found?.empty).toBe(false)
  expect(found?.next).toContain('Microsoft.Cache/Redis/codexdominion-redis --api-version 2024-03-01')
  expect(await fault(cluster({ provisioningState: 'Succeeded' }), lines)).toBeUndefined()
})

test.each(['EnterpriseCluster', 'OSSCluster'])(
  'the policy %s: both solutions, with the exact commands',
  async (policy) => {
    const found = await fault(cluster(well, { ...well, clusteringPolicy: policy }), [], 'prod')
    expect(found).toMatchObject({
      what: expect.stringMatching(new RegExp(`clustering policy ${policy}.*CROSSSLOT.*NoCluster`)),
      empty: false,
    })
    expect(found?.next).toContain(
      `az resource delete --ids ${clusterId}/databases/default --api-version 2025-07-01   az container delete `,
    )
    expect(found?.next).toMatch(
      /Then: npx dominion deploy-complete --env prod {3}Or set REDIS_NAME in .env.prod to a new name/,
    )
  },
)
