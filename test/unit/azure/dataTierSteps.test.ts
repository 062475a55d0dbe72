import { expect, test } from 'vitest'
import { createAzure } from '../../../lib/azure/client.ts'
import { dataTierTasks, deploymentName, templateParameters } from '../../../lib/azure/dataTier.ts'
import type { HttpResponse as HttpAnswer } from '../../../lib/net/http.ts'
import { type Command, display } from '../../../lib/shell/command.ts'
import { type Difference, knowing, nothingAhead, type Task } from '../../../lib/tasks/task.ts'
import { fakeAz } from '../../support/fakeAz.ts'
import { findSecretFile, getFailure, loadTestConfig } from '../../support/helpers.ts'
import { createTask } from '../../support/tasks.ts'

/* What the data tier's task does with what Azure reports: everything as wanted, except for one thing. */

const address = '198.51.100.7'
const well = { provisioningState: 'Succeeded', resourceState: 'Running' }
const wanted = { ...well, clusteringPolicy: 'NoCluster' }
const failed = { provisioningState: 'Failed', resourceState: 'CreateFailed' }

const serverProperties = {
  version: '16',
  storage: { storageSizeGB: 32 },
  backup: { backupRetentionDays: 7 },
}

interface Found {
  /** Lines of the configuration. */
  lines?: string[]
  /** The address that the rule `operator` admits; false where there is no such rule. */
  admitted?: string | false
  registry?: object
  /** False: the server has no database of the application. */
  application?: false
  server?: object
  /** ARM's state of the deployment. */
  deployment?: 'Succeeded' | 'Failed'
  transport?: string
  cluster?: object
  /** False: the cluster has none. A number: az ends with this code when asked for it. */
  database?: object | false | number
}

async function steps({
  lines: given = [],
  admitted = address,
  registry: otherRegistry = {},
  application,
  server: different = {},
  deployment = 'Succeeded',
  transport = 'on',
  cluster = well,
  database = wanted,
}: Found) {
  const name = deploymentName(templateParameters(await loadTestConfig()), 'Gr8-password', 'codexdominion-db')
  const registry = { name: 'codexacr1216', properties: { adminUserEnabled: true }, ...otherRegistry }
  const server = {
    name: 'codexdominion-db',
    tags: { configuration: name },
    location: 'East US',
    sku: { name: 'Standard_B1ms' },
    properties: serverProperties,
    ...different,
  }
  const rule = { properties: { startIpAddress: admitted } }
  const redis = {
    name: 'codexdominion-redis',
    location: 'eastus',
    sku: { name: 'Balanced_B0' },
    properties: cluster,
  }
  const { context: fake } = await fakeAz(
    { match: /^account show/, stdout: '{"id":"sub","name":"Codex","tenantId":"t"}' },
    {
      match: /^deployment group show/,
      stdout: JSON.stringify({ properties: { provisioningState: deployment } }),
    },
    {
      match:
        /registries\S+ \S+ \S+require_secure_transport \S+firewallRules\/operator \S+databases\/codexdb /,
      ...(admitted && application !== false
        ? { stdout: JSON.stringify([registry, server, { properties: { value: transport } }, rule, {}]) }
        : { code: 3 }),
    },
    { match: /^resource show --ids \S+registries/, stdout: JSON.stringify(registry) },
    {
      match: /^resource show --ids \S+firewallRules/,
      ...(admitted ? { stdout: JSON.stringify(rule) } : { code: 3 }),
    },
    {
      match: /^resource show --ids \S+databases\/codexdb/,
      ...(application === false ? { code: 3 } : { stdout: '{}' }),
    },
    {
      match: /^resource show --ids \S+require_secure_transport/,
      stdout: JSON.stringify({ properties: { value: transport } }),
    },
    { match: /^resource show --ids \S+ \S+require_secure_transport/, code: 3 },
    { match: /^resource show --ids \S+flexibleServers/, stdout: JSON.stringify(server) },
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
  const password = ['POSTGRES_PASSWORD=Gr8-password', 'APP_SECRET_KEY=Gr8-app-key-of-tests']
  const context = { ...fake, config: await loadTestConfig(...password, ...given) }
  const scripted = { ...context, runner: { ...context.runner, request: async () => answer } }
  return dataTierTasks(scripted, createAzure(scripted), createTask('azure-login'))
}

const inspect = async (found: Found) => (await steps(found)).tier.inspect(nothingAhead)
const lines = (difference: Difference) =>
  'effects' in difference ? (difference.effects ?? []).map((effect) => display(effect as Command)) : []

/** The parameters of the deployment among the effects. */
function parametersOf(difference: Difference): Record<string, unknown> {
  const effects = 'effects' in difference ? (difference.effects ?? []) : []
  const deploy = effects.at(-1) as Command
  return (JSON.parse(findSecretFile(deploy.argv).content) as { parameters: Record<string, unknown> })
    .parameters
}

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

test('a server that stops the run is not forgotten for a Redis that a new one corrects', async () => {
  const found = { deployment: 'Failed', cluster: failed, database: false } as const
  const { tier } = await steps({
    ...found,
    server: { properties: { ...serverProperties, state: 'Disabled' } },
  })
  expect((await getFailure(tier.inspect(nothingAhead))).what).toContain('codexdominion-db')
})

test('a failed Redis is never ok, even where the deployment of that name has succeeded once', async () => {
  const { tier, redis } = await steps({ cluster: failed, database: false })
  const { state, fact } = await tier.inspect(nothingAhead)
  expect(state).toBe('change')
  expect((await getFailure(redis.inspect(knowing(tier, fact!)))).what).toContain('Failed (CreateFailed)')
})

test.each([
  ['Dropping', /is in the state Dropping: Azure is deleting it/, /Its name may stay reserved for days/],
  ['Disabled', /spending limit.*its data is kept/, /Resolve this in the Azure portal/],
  ['Inaccessible', /the key that encrypts its data/, /Restore the key/],
  [
    'Failed',
    /codexdominion-db is in the state Failed$/,
    /databases\?api-version.*no database but Azure’s own.*az resource delete --ids \S+\/codexdominion-db /,
  ],
])(
  'a PostgreSQL server in the state %s is never deleted: the run ends with what to do',
  async (state, what, next) => {
    const server = { properties: { ...serverProperties, state } }
    const { tier, database } = await steps({ server, deployment: 'Failed' })
    const failure = await getFailure(tier.inspect(nothingAhead))
    expect(failure).toMatchObject({
      what: expect.stringMatching(what),
      next: expect.stringMatching(next),
    })
    expect((await getFailure(database.inspect({ ...nothingAhead, isUnknown: () => true }))).what).toMatch(
      what,
    )
  },
)

test.each(['Ready', 'Provisioning', 'Starting', 'Stopped', 'Updating', 'Restarting'])(
  'a PostgreSQL server in the state %s is no fault',
  async (state) => {
    expect(await inspect({ server: { properties: { ...serverProperties, state } } })).toMatchObject({
      state: 'ok',
    })
  },
)

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
        /^az resource update --ids \S+\/codexdominion-db\/configurations\/require_secure_transport --api-version 2025-08-01 --set properties\.value=on/,
      ),
    ])
  },
)

test('another address of the operator: only the firewall rule is changed, without a deployment', async () => {
  const difference = await inspect({ admitted: '203.0.113.9' })
  expect(difference).toMatchObject({
    state: 'change',
    what: `admit this machine (${address}) to PostgreSQL`,
    fields: [{ name: 'operator address', before: '203.0.113.9', after: address }],
  })
  expect(lines(difference)).toEqual([
    expect.stringMatching(
      /^az resource update --ids \S+\/codexdominion-db\/firewallRules\/operator --api-version 2025-08-01 --set properties\.startIpAddress=198\.51\.100\.7 --set properties\.endIpAddress=198\.51\.100\.7 /,
    ),
  ])
})

test.each<[Found, string]>([
  [{ application: false }, 'the empty database codexdb'],
  [
    { application: false, admitted: false, deployment: 'Failed' },
    'the empty database codexdb and the firewall rule operator',
  ],
])('a server that is only half made gets the rest by the same deployment: %j', async (found, what) => {
  const difference = await inspect(found)
  expect(difference).toMatchObject({ what: `create ${what} of PostgreSQL codexdominion-db` })
  expect(lines(difference)).toEqual([expect.stringMatching(/^az deployment group create /)])
})

test('a registry in a failed state is deployed again and not deleted', async () => {
  const properties = { adminUserEnabled: true, provisioningState: 'Failed' }
  const difference = await inspect({ registry: { properties } })
  expect(difference).toMatchObject({
    fields: [{ name: 'registry state', before: 'Failed', after: 'Succeeded' }],
  })
  expect(lines(difference)).toEqual([expect.stringMatching(/^az deployment group create /)])
})

const zones = { ...serverProperties, highAvailability: { mode: 'ZoneRedundant' } }

test.each<[string, Found, string, string]>([
  ['registry size', { registry: { sku: { name: 'Standard' } } }, 'Standard', 'Basic'],
  ['PostgreSQL high availability', { server: { properties: zones } }, 'ZoneRedundant', 'Disabled'],
  ['Redis high availability', { cluster: { ...well, highAvailability: 'Enabled' } }, 'Enabled', 'Disabled'],
])(
  '%s, which the template fixes, was changed by hand: no reason for a deployment, but shown as its reset',
  async (name, found, before, after) => {
    expect(await inspect(found)).toMatchObject({ state: 'ok' })
    const reset = { name, before, after }
    expect(await inspect({ deployment: 'Failed', ...found })).toMatchObject({
      state: 'change',
      fields: [{ name: 'template or password' }, reset],
    })
    const resized = await inspect({ ...found, lines: ['POSTGRES_BACKUP_DAYS=8'] })
    expect(resized).toMatchObject({ fields: [{ name: 'PostgreSQL backup (days)' }, reset] })
  },
)

test('a server without the rule gets it by the same deployment', async () => {
  const difference = await inspect({ admitted: false })
  expect(difference).toMatchObject({
    what: 'create the firewall rule operator of PostgreSQL codexdominion-db',
  })
  expect(lines(difference)).toEqual([expect.stringMatching(/^az deployment group create /)])
})

test('a newer major version: the deployment asks for an upgrade, and the plan says what that means', async () => {
  const difference = await inspect({ server: { properties: { ...serverProperties, version: '15' } } })
  expect(difference).toMatchObject({
    what: expect.stringMatching(/an upgrade of codexdominion-db that Azure cannot undo.*backup-database/),
    fields: [{ name: 'PostgreSQL version', before: '15', after: '16' }],
  })
  expect(parametersOf(difference).postgresCreateMode).toEqual({ value: 'Update' })
  const same = await inspect({ server: { tags: {} } })
  expect(parametersOf(same).postgresCreateMode).toEqual({ value: 'Default' })
})

test('an upgrade together with another change is refused before anything is done', async () => {
  const failure = await getFailure(
    inspect({
      server: { sku: { name: 'Standard_B2s' }, properties: { ...serverProperties, version: '15' } },
    }),
  )
  expect(failure.what).toMatch(/without other changes.*: PostgreSQL size$/)
  expect(failure.next).toContain('POSTGRES_VERSION')
})

test.each([
  [{ storage: { storageSizeGB: 64 } }, /has 64 GB, and Azure cannot reduce it to 32 GB/, 'STORAGE_GB=64'],
  [{ version: '17' }, /has version 17, and Azure cannot go back to 16/, 'VERSION=17'],
])(
  'a smaller disk and an older version are refused as a usage error, before anything is done: %j',
  async (has, what, key) => {
    const failure = await getFailure(inspect({ server: { properties: { ...serverProperties, ...has } } }))
    expect(failure).toEqual({
      what: expect.stringMatching(what),
      next: `Set POSTGRES_${key} in .env, or higher.`,
      exitCode: 2,
    })
  },
)

test('the state of a server that cannot be used goes before a disk or a version that Azure would refuse', async () => {
  const has = { storage: { storageSizeGB: 64 }, version: '17', state: 'Dropping' }
  const failure = await getFailure(inspect({ server: { properties: { ...serverProperties, ...has } } }))
  expect(failure.what).toContain('is in the state Dropping')
})

test('a resource in another region than the configuration’s: the run ends with what to do', async () => {
  const failure = await getFailure(inspect({ lines: ['POSTGRES_LOCATION=westus3'] }))
  expect(failure.what).toBe(
    'PostgreSQL server codexdominion-db is in eastus, not in westus3, and Azure cannot move it',
  )
  expect(failure.next).toMatch(/Set POSTGRES_LOCATION=eastus in \.env\. Or set POSTGRES_SERVER to a new name/)
})

test('an empty failed Redis is deleted and recreated in the region that is set now', async () => {
  const difference = await inspect({
    lines: ['REDIS_LOCATION=westus3'],
    deployment: 'Failed',
    cluster: failed,
    database: false,
  })
  expect(lines(difference)).toEqual([
    expect.stringMatching(/^az resource delete /),
    expect.stringMatching(/^az deployment group create /),
  ])
  expect(parametersOf(difference).redisLocation).toEqual({ value: 'westus3' })
})
