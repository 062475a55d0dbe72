import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { explainAz } from '../../../lib/azure/errors.ts'
import { meanings } from '../../../lib/azure/meanings.ts'
import { formatRefusal, type RefusalName, refusals } from '../../../lib/azure/refusals.ts'
import { getVersions, requireVersion } from '../../../rehearsal/azure/catalogue.ts'
import { resourceTypes } from '../../../rehearsal/azure/providers.ts'
import rehearsalRefusals from '../../../rehearsal/azure/refusals.json' with { type: 'json' }
import { uploadUrl } from '../../../rehearsal/azure/registryRuns.ts'
import { deleteResource, getAddress, putResource } from '../../../rehearsal/azure/resources.ts'
import type { ResourceType } from '../../../rehearsal/azure/types.ts'
import type { World } from '../../../rehearsal/azure/world.ts'
import { askArm, createEmptyWorld } from '../../support/emulatorFixtures.ts'
import { home } from '../../support/helpers.ts'

/* Azure's own refusals: each is explained, and the rehearsal says it word for word. */

const location = 'eastus'
const subscription = '/subscriptions/00000000-0000-0000-0000-000000000001'
const postgres = 'Microsoft.DBforPostgreSQL/flexibleServers'
const cluster = 'Microsoft.Cache/redisEnterprise'
const registry = 'Microsoft.ContainerRegistry/registries'
const group = 'Microsoft.ContainerInstance/containerGroups'

/** The emulator's own rules; no server is started. */
const idle = (type: ResourceType): ResourceType =>
  type.type.startsWith(postgres)
    ? {
        ...type,
        async apply(_world, resource) {
          resource.runtime.server = { settings: new Map() }
        },
      }
    : type

const server = {
  location,
  sku: { name: 'Standard_B1ms', tier: 'Burstable' },
  properties: {
    version: '16',
    administratorLogin: 'codexadmin',
    administratorLoginPassword: 'Gr8-password',
  },
}
const redis = { location, sku: { name: 'Balanced_B0' }, properties: { highAvailability: 'Disabled' } }
const classic = { location, properties: { sku: { name: 'Basic', family: 'C', capacity: 0 } } }
const container = (cpu: number) => ({
  location,
  properties: {
    osType: 'Linux',
    restartPolicy: 'Always',
    containers: [
      {
        name: 'codex-api',
        properties: {
          image: 'debian',
          ports: [{ port: 5000 }],
          resources: { requests: { cpu, memoryInGB: 2 } },
        },
      },
    ],
    ipAddress: { type: 'Public', dnsNameLabel: 'codex-api', ports: [{ port: 5000, protocol: 'TCP' }] },
  },
})

async function put(
  world: World,
  type: string,
  name: string,
  body: object,
  version?: string,
): Promise<unknown> {
  const { operation } = putResource(world, getAddress(world, 'rg', type, name), body, version)
  await operation.done
  return operation.error
}

interface Provoked {
  values?: Record<string, string | number>
  /** Makes the rehearsal's Azure refuse: throws, or gives the error of the operation. */
  provoke(world: World): Promise<unknown>
  /** How it is explained, where the same words have more than one meaning. */
  what?: string
}

const fault = (world: World, name: string, more: object = {}) => world.faults.set(name, { name, ...more })

const provoked: Record<RefusalName, Provoked | readonly Provoked[]> = {
  serverBusy: {
    values: { name: 'codexdb' },
    async provoke(world) {
      await put(world, postgres, 'codexdb', server)
      return put(world, `${postgres}/configurations`, 'codexdb/require_secure_transport', {
        properties: { value: 'on' },
      })
    },
  },
  serverDropping: {
    async provoke(world) {
      await put(world, postgres, 'codexdb', server)
      const found = world.resources.get(getAddress(world, 'rg', postgres, 'codexdb').id.toLowerCase())!
      const deletion = deleteResource(world, found)
      const error = await put(world, postgres, 'codexdb', server).catch((thrown: unknown) => thrown)
      await deletion.done
      return error
    },
  },
  serverQuota: {
    values: { quota: 'standardDDSv5Family', limit: 3, used: 1, asked: 4, wanted: 5 },
    async provoke(world) {
      fault(world, 'few-vcores', { cores: 3 })
      await put(world, postgres, 'codexdb', server)
      const sku = { name: 'Standard_D4ds_v5', tier: 'GeneralPurpose' }
      return put(world, postgres, 'codexlarge', { ...server, sku })
    },
    what: 'The quota standardDDSv5Family of PostgreSQL leaves too few vCores in this region',
  },
  offerRestricted: {
    values: { location },
    provoke(world) {
      fault(world, 'postgres-location-restricted')
      return put(world, postgres, 'codexdb', server)
    },
  },
  versionOutOfRange: {
    values: { versions: '11,12,13,14,15,16' },
    provoke: (world) =>
      put(
        world,
        postgres,
        'codexdb',
        { ...server, properties: { ...server.properties, version: '17' } },
        '2024-08-01',
      ),
  },
  regionDisallowed: {
    values: { name: 'codexdb' },
    provoke(world) {
      fault(world, 'region-disallowed')
      return put(world, postgres, 'codexdb', server)
    },
  },
  policyDisallowed: {
    values: { name: 'codexdb', subscription: '00000000-0000-0000-0000-000000000001' },
    provoke(world) {
      fault(world, 'policy-disallowed')
      return put(world, postgres, 'codexdb', server)
    },
  },
  mfaRequired: {
    provoke(world) {
      fault(world, 'policy-disallowed', { mfa: true })
      return put(world, postgres, 'codexdb', server)
    },
  },
  fewRights: [
    {
      values: {
        client: 'principal',
        action: 'Microsoft.Resources/subscriptions/resourcegroups/write',
        scope: `${subscription}/resourcegroups/new`,
      },
      provoke(world) {
        fault(world, 'few-rights')
        return askArm(world, 'PUT', '/resourceGroups/new', '2024-11-01', { location })
      },
    },
    {
      values: {
        client: 'principal',
        action: 'Microsoft.Resources/subscriptions/providers/read',
        scope: subscription,
      },
      provoke(world) {
        fault(world, 'few-rights')
        return askArm(world, 'GET', '/providers/Microsoft.Cache', '2021-04-01')
      },
    },
  ],
  noRegisteredProvider: [
    // The entries of requests and of deployments ask this first.
    {
      values: {
        location,
        apiVersion: '2024-03-01-preview',
        type: 'flexibleServers',
        versions: getVersions(postgres)!.join(', '),
      },
      provoke: async () => requireVersion(postgres, '2024-03-01-preview', location),
      what: 'Azure does not know the API version 2024-03-01-preview of flexibleServers in eastus',
    },
    {
      values: {
        location,
        apiVersion: '2025-07-01',
        type: 'redisEnterprise',
        versions: getVersions(cluster)!.join(', '),
      },
      async provoke(world) {
        fault(world, 'type-not-offered', { type: cluster, location })
        await put(world, cluster, 'codexfar', { ...redis, location: 'westus3' }, '2025-07-01')
        return put(world, cluster, 'codexredis', redis, '2025-07-01')
      },
      what: 'Azure does not offer redisEnterprise in eastus',
    },
  ],
  wrongLocation: {
    values: { name: 'codexredis', location, group: 'rg', wanted: 'westus3' },
    async provoke(world) {
      await put(world, cluster, 'codexredis', redis)
      return put(world, cluster, 'codexredis', { ...redis, location: 'westus3' })
    },
  },
  serverNameTaken: {
    async provoke(world) {
      const { resource, operation } = putResource(world, getAddress(world, 'rg', postgres, 'codexdb'), server)
      await operation.done
      world.types = world.types.map((type) => ({ ...type, remove: async () => {} }))
      await deleteResource(world, resource).done
      return put(world, postgres, 'codexdb', server)
    },
  },
  registryNameTaken: {
    values: { name: 'codexacr' },
    async provoke(world) {
      const body = { location, sku: { name: 'Basic' } }
      await put(world, registry, 'codexacr', body)
      world.groups.set('other', { name: 'other', location, tags: {}, deleting: false })
      return putResource(world, getAddress(world, 'other', registry, 'codexacr'), body)
    },
  },
  redisNameTaken: {
    async provoke(world) {
      await put(world, cluster, 'codexredis', redis)
      world.groups.set('other', { name: 'other', location, tags: {}, deleting: false })
      return putResource(world, getAddress(world, 'other', cluster, 'codexredis'), redis)
    },
  },
  redisConflict: {
    async provoke(world) {
      await put(world, cluster, 'codexredis', redis)
      void put(world, cluster, 'codexredis', redis)
      return put(world, `${cluster}/databases`, 'codexredis/default', { properties: {} })
    },
  },
  redisNoCapacity: {
    provoke(world) {
      fault(world, 'redis-no-capacity')
      return put(world, cluster, 'codexredis', redis)
    },
  },
  redisAllocationFailed: {
    provoke(world) {
      fault(world, 'redis-no-capacity', { code: 'AllocationFailed' })
      return put(world, cluster, 'codexredis', redis)
    },
  },
  classicRedisRetired: {
    provoke(world) {
      fault(world, 'classic-redis-retired')
      return put(world, 'Microsoft.Cache/redis', 'codexredis', classic)
    },
  },
  tasksNotAllowed: {
    values: { name: 'codexregistry', subscription: '00000000-0000-0000-0000-000000000001' },
    async provoke(world) {
      fault(world, 'build-tasks-not-allowed')
      const address = getAddress(world, 'rg', 'Microsoft.ContainerRegistry/registries', 'codexregistry')
      const body = { location, sku: { name: 'Basic' }, properties: { adminUserEnabled: true } }
      return uploadUrl(world, putResource(world, address, body).resource)
    },
  },
  notRegistered: {
    values: { namespace: 'Microsoft.Cache' },
    provoke(world) {
      world.providers.set('Microsoft.Cache', 'NotRegistered')
      return put(world, cluster, 'codexredis', redis)
    },
    what: 'The subscription is not registered for Microsoft.Cache',
  },
  inaccessibleImage: {
    values: { image: 'debian', group: 'codex-api' },
    provoke: (world) => put(world, group, 'codex-api', container(1)),
    what: 'Azure Container Instances cannot pull the image debian',
  },
  containerNoCapacity: {
    values: { location, cpu: 1, memoryGb: 2 },
    async provoke(world) {
      // There is no image in this world, which Azure would look for first.
      world.types = world.types.map((type) => (type.type === group ? { ...type, check() {} } : type))
      fault(world, 'container-no-capacity')
      return put(world, group, 'codex-api', container(1))
    },
  },
  containerQuota: {
    values: { location, limit: 1, used: 0, asked: 2 },
    provoke(world) {
      fault(world, 'few-cores', { cores: 1 })
      return put(world, group, 'codex-api', container(2))
    },
  },
  dnsLabelTaken: {
    values: { label: 'codex-api', name: 'codex-api' },
    provoke(world) {
      fault(world, 'dns-label-taken', { label: 'codex-api' })
      return put(world, group, 'codex-api', container(1))
    },
  },
}

const all = (Object.keys(provoked) as RefusalName[]).flatMap((name) =>
  [provoked[name]].flat().map((one): [RefusalName, Provoked] => [name, one]),
)

test.each(all)('%s: the rehearsal says it in Azure’s own words', async (name, { values, provoke }) => {
  const world = createEmptyWorld(resourceTypes.map(idle))
  const error = await provoke(world).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ message: formatRefusal(name, values) })
  expect(formatRefusal(name, values)).not.toMatch(/[{](?!")/)
  const { code } = error as { code: string }
  // The operation of a container group has the code Failed; its event names the capacity.
  if (name !== 'containerNoCapacity') expect(code).toBe(refusals[name].code)
})

test.each(all)('%s is explained, with what to do, a source and a date', (name, { values, what }) => {
  const { code, source, seen } = refusals[name]
  const said = `${code}: ${formatRefusal(name, values)}`
  expect(meanings.find(({ when }) => when.test(said))?.code).toBe(code)
  expect(explainAz(said)?.what).toMatch(what ?? /\S/)
  expect(explainAz(said)?.next).toMatch(/\S/)
  expect(source).toMatch(/\S/)
  expect(seen).toMatch(/^\d{4}-\d{2}-\d{2}$/)
})

test('rights on a resource group that may not exist: says who can create it', () => {
  const group = `${subscription}/resourcegroups/rg`
  const explain = (action: string, scope: string) =>
    explainAz(formatRefusal('fewRights', { client: 'c', action, scope }))?.next
  const role = 'Ask for the role Contributor on the resource group (az role assignment create).'
  const create = `${role} A group that does not exist yet must be created first, by somebody with this role on the subscription (az group create).`
  const deployment = `${group}/providers/Microsoft.Resources/deployments/d`
  expect(explain('Microsoft.Resources/subscriptions/resourcegroups/write', group)).toBe(create)
  expect(explain('Microsoft.Resources/deployments/read', deployment)).toBe(create)
  expect(explain('Microsoft.Cache/redis/read', `${group}/providers/Microsoft.Cache/redis/r`)).toBe(role)
  expect(explain('Microsoft.Resources/subscriptions/locations/read', subscription)).toBe(
    'Ask for the role Reader on the subscription (az role assignment create).',
  )
})

test('the rehearsal writes no code of the table itself: its words would differ from Azure’s', () => {
  const folder = path.join(home, 'rehearsal', 'azure')
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts'))
  const sources = files.map((file) => readFileSync(path.join(folder, file), 'utf8'))
  const inCode = sources.flatMap((text) => [
    ...text.matchAll(/(?:badRequest|conflict|ArmError)\(\s*(?:\d+,\s*)?'(\w+)'/g),
  ])
  const written = [...Object.values(rehearsalRefusals), ...inCode.map(([, code = '']) => ({ code }))]
  const general = ['BadRequest', 'Conflict']
  const ours = Object.values(refusals).flatMap(({ code }) => (general.includes(code) ? [] : [code as string]))
  expect(written.length).toBeGreaterThan(50)
  expect(written.map(({ code }) => code).filter((code) => ours.includes(code))).toEqual([])
})
