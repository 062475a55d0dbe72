import { expect, test } from 'vitest'
import { createAzure } from '../../../lib/azure/client.ts'
import { dataTierTasks, deploymentName, templateParameters } from '../../../lib/azure/dataTier.ts'
import type { HttpResponse as HttpAnswer } from '../../../lib/net/http.ts'
import { type Command, display } from '../../../lib/shell/command.ts'
import { type Difference, knowing, nothingAhead, type Task } from '../../../lib/tasks/task.ts'
import { fakeAz } from '../../support/fakeAz.ts'
import { getFailure, loadTestConfig } from '../../support/helpers.ts'
import { createTask } from '../../support/tasks.ts'

/* What the data tier's task does with what Azure reports: everything as wanted, except for one thing. */

const address = '198.51.100.7'
const well = { provisioningState: 'Succeeded', resourceState: 'Running' }
const wanted = { ...well, clusteringPolicy: 'NoCluster' }
const failed = { provisioningState: 'Failed', resourceState: 'CreateFailed' }

interface Found {
  /** ARM's state of the deployment. */
  deployment?: 'Succeeded' | 'Failed'
  transport?: string
  cluster?: object
  /** False: the cluster has none. A number: az ends with this code when asked for it. */
  database?: object | false | number
}

async function steps({
  deployment = 'Succeeded',
  transport = 'on',
  cluster = well,
  database = wanted,
}: Found) {
  const name = deploymentName(
    templateParameters(await loadTestConfig(), address),
    'Gr8-password',
    'codexdominion-db',
  )
  const registry = { name: 'codexacr1216', properties: { adminUserEnabled: true } }
  const server = {
    name: 'codexdominion-db',
    tags: { configuration: name },
    sku: { name: 'Standard_B1ms' },
    properties: { version: '16', storage: { storageSizeGB: 32 }, backup: { backupRetentionDays: 7 } },
  }
  const redis = { name: 'codexdominion-redis', sku: { name: 'Balanced_B0' }, properties: cluster }
  const { context } = await fakeAz(
    { match: /^account show/, stdout: '{"id":"sub","name":"Codex","tenantId":"t"}' },
    {
      match: /^deployment group show/,
      stdout: JSON.stringify({ properties: { provisioningState: deployment } }),
    },
    { match: /firewallRules/, stdout: JSON.stringify({ properties: { startIpAddress: address } }) },
    {
      match: /registries\S+ \S+ \S+require_secure_transport/,
      stdout: JSON.stringify([registry, server, { properties: { value: transport } }]),
    },
    {
      match: /redisEnterprise\S+ \S+databases\/default/,
      ...(typeof database === 'object'
        ? { stdout: JSON.stringify([redis, { properties: database }]) }
        : { code: database || 3 }),
    },
    {
      match: /databases\/default/,
      ...(typeof database === 'number'
        ? { code: database, stderr: 'ERROR: (ServiceUnavailable) The service is unavailable.' }
        : { code: 3 }),
    },
    { match: /redisEnterprise/, stdout: JSON.stringify(redis) },
  )
  const answer: HttpAnswer = {
    status: 200,
    headers: {},
    body: JSON.stringify({ ip: address }),
    phases: { total: 1 },
  }
  const scripted = { ...context, runner: { ...context.runner, request: async () => answer } }
  return dataTierTasks(scripted, createAzure(scripted), createTask('azure-login'))
}

const inspect = async (found: Found) => (await steps(found)).tier.inspect(nothingAhead)
const lines = (difference: Difference) =>
  'effects' in difference ? (difference.effects ?? []).map((effect) => display(effect as Command)) : []

test('everything up to date: nothing to do, and Redis is ok', async () => {
  const { tier, redis } = await steps({})
  const { state, fact } = await tier.inspect(nothingAhead)
  expect(state).toBe('ok')
  expect(await redis.inspect(knowing(tier, fact!))).toEqual({
    state: 'ok',
    reason: 'codexdominion-redis is Succeeded',
  })
})

test('an empty failed Redis is deleted before it is recreated, and the plan shows both', async () => {
  const { tier, redis } = await steps({ deployment: 'Failed', cluster: failed, database: false })
  const difference = await tier.inspect(nothingAhead)
  expect(difference).toMatchObject({
    state: 'change',
    what: 'Redis codexdominion-redis is in the state Failed (CreateFailed) and has no database: delete it, then create Redis codexdominion-redis (Balanced_B0)',
  })
  expect(lines(difference)).toEqual([
    expect.stringMatching(
      /^az resource delete --ids \S+\/redisEnterprise\/codexdominion-redis --api-version 2025-07-01 /,
    ),
    expect.stringMatching(/^az deployment group create /),
  ])
  const { fact } = difference
  const ahead = { ...knowing(tier, fact!), willChange: (task?: Task) => task === tier }
  expect(await redis.inspect(ahead)).toMatchObject({ state: 'create' })
})

test('a failed Redis is never ok, even where the deployment of that name has succeeded once', async () => {
  const { tier, redis } = await steps({ cluster: failed, database: false })
  const { state, fact } = await tier.inspect(nothingAhead)
  expect(state).toBe('change')
  expect((await getFailure(redis.inspect(knowing(tier, fact!)))).what).toContain('Failed (CreateFailed)')
})

test('a failed Redis with a database is not touched: the run ends with what to do', async () => {
  const failure = await getFailure(inspect({ cluster: { ...well, resourceState: 'UpdateFailed' } }))
  expect(failure.what).toBe('Redis codexdominion-redis is in the state Succeeded (UpdateFailed)')
  expect(failure.next).toContain('az resource delete --ids')
})

test('a failed Redis whose database cannot be read does not count as empty', async () => {
  const failure = await getFailure(
    inspect({ deployment: 'Failed', cluster: { ...well, resourceState: 'UpdateFailed' }, database: 1 }),
  )
  expect(failure.said).toContain('ServiceUnavailable')
})

test('a Redis with another policy: the run ends with the solution, although the deployment has succeeded', async () => {
  const failure = await getFailure(inspect({ database: { ...well, clusteringPolicy: 'EnterpriseCluster' } }))
  expect(failure.what).toMatch(/clustering policy EnterpriseCluster.*CROSSSLOT/)
  expect(failure.next).toMatch(/az resource delete --ids \S+\/databases\/default .*REDIS_NAME/)
})

test('a Redis whose database was deleted gets a new one by the same deployment', async () => {
  const difference = await inspect({ database: false })
  expect(difference).toMatchObject({ what: 'create the database of Redis codexdominion-redis' })
  expect(lines(difference)).toEqual([expect.stringMatching(/^az deployment group create /)])
})

test.each(['off', 'OFF'])(
  'require_secure_transport is %s: it is set separately, without a deployment',
  async (transport) => {
    const difference = await inspect({ transport })
    expect(difference).toMatchObject({
      state: 'change',
      fields: [{ name: 'PostgreSQL require_secure_transport', before: 'off', after: 'on' }],
    })
    expect(lines(difference)).toEqual([
      expect.stringMatching(
        /^az resource update --ids \S+\/codexdominion-db\/configurations\/require_secure_transport --api-version 2022-12-01 --set properties\.value=on/,
      ),
    ])
  },
)
