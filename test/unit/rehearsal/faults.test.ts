import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { errorReply } from '../../../rehearsal/azure/errors.ts'
import faults from '../../../rehearsal/azure/faults.json' with { type: 'json' }
import { resourceTypes } from '../../../rehearsal/azure/providers.ts'
import {
  deleteResource,
  findResource,
  getAddress,
  putResource,
  view,
} from '../../../rehearsal/azure/resources.ts'
import type { World } from '../../../rehearsal/azure/world.ts'
import { askArm, createEmptyWorld, idleTypes } from '../../support/emulatorFixtures.ts'
import { home } from '../../support/helpers.ts'

/* Refusals that tests switch on, in Azure's own words, and the state they leave behind. */

const location = 'eastus'
const cluster = { type: 'Microsoft.Cache/redisEnterprise', name: 'codexredis' }
const clusterBody = { location, sku: { name: 'Balanced_B0' }, properties: { highAvailability: 'Disabled' } }

const put = (world: World, { type, name }: { type: string; name: string }, body: object) =>
  putResource(world, getAddress(world, 'rg', type, name), body)

test('Redis without capacity is accepted, fails later, and its leftover blocks the next PUT until it is deleted', async () => {
  const world = createEmptyWorld()
  world.faults.set('redis-no-capacity', { name: 'redis-no-capacity' })
  const { resource, operation } = put(world, cluster, clusterBody)
  await operation.done
  expect(operation.error).toMatchObject({
    code: 'InsufficientCapacity',
    message:
      'Request failed due to insufficient capacity. Retry using a different Azure Managed Redis size or region.',
  })
  expect(view(world, resource).properties).toMatchObject({
    provisioningState: 'Failed',
    resourceState: 'CreateFailed',
  })
  world.faults.clear()
  const again = () => put(world, cluster, clusterBody)
  expect(again).toThrow(expect.objectContaining({ status: 409, code: 'Conflict' }))
  await deleteResource(world, resource).done
  const next = again()
  await next.operation.done
  expect(view(world, next.resource).properties).toMatchObject({
    provisioningState: 'Succeeded',
    resourceState: 'Running',
  })
})

test.each([
  ['region-disallowed', {}, 'RequestDisallowedByAzure', /set of best available regions/],
  ['policy-disallowed', {}, 'RequestDisallowedByPolicy', /was disallowed by policy\. Policy identifiers/],
])('%s %j refuses new resources and leaves existing ones alone', async (name, more, code, words) => {
  const world = createEmptyWorld()
  await put(world, cluster, clusterBody).operation.done
  world.faults.set(name, { name, ...more })
  expect(() => put(world, { ...cluster, name: 'another' }, clusterBody)).toThrow(
    expect.objectContaining({ status: 403, code, message: expect.stringMatching(words) }),
  )
  expect(() => put(world, cluster, clusterBody)).not.toThrow()
})

test.each([
  ['PUT', 'redisEnterprise/codexredis', 403],
  ['PATCH', 'redisEnterprise/codexredis', 403],
  ['DELETE', 'redisEnterprise/codexredis', 403],
  ['POST', 'redisEnterprise/codexredis/databases/default/regenerateKey', 403],
  ['PUT', '', 403],
  ['DELETE', '', 403],
  ['GET', 'redisEnterprise/codexredis', 200],
  ['POST', 'redisEnterprise/codexredis/databases/default/listKeys', 200],
])('without a second factor: %s of %s is %i', async (method, what, status) => {
  const world = createEmptyWorld(idleTypes)
  const version = '2025-07-01'
  await put(world, cluster, clusterBody).operation.done
  const database = { type: `${cluster.type}/databases`, name: 'codexredis/default' }
  const keys = { accessKeysAuthentication: 'Enabled' }
  await put(world, database, { properties: keys }).operation.done
  findResource(world, getAddress(world, 'rg', database.type, database.name).id)!.runtime.server = {
    keys: () => [],
  }
  world.faults.set('policy-disallowed', { name: 'policy-disallowed', mfa: true })
  const path = `/resourceGroups/rg${what && `/providers/Microsoft.Cache/${what}`}`
  const group = what === '' ? '2024-11-01' : version
  const reply = await askArm(world, method, path, group, method === 'GET' ? undefined : clusterBody).catch(
    errorReply,
  )
  expect(reply.status).toBe(status)
  if (status === 403) expect(JSON.stringify(reply.body)).toContain('MFA is required')
})

test.each([
  ['GET', '', '2022-12-01', 200, ''],
  ['GET', '/resourceGroups', '2024-11-01', 200, ''],
  ['GET', '/resourceGroups/rg', '2024-11-01', 200, ''],
  ['PUT', '/resourceGroups/rg', '2024-11-01', 200, ''],
  ['GET', '/resourceGroups/rg/providers/Microsoft.Authorization/permissions', '2022-04-01', 200, ''],
  [
    'GET',
    '/providers/Microsoft.Authorization/permissions',
    '2022-04-01',
    403,
    'Authorization/permissions/read',
  ],
  ['GET', '/locations', '2022-12-01', 403, 'Resources/subscriptions/locations/read'],
  ['POST', '/providers/Microsoft.Cache/register', '2021-04-01', 403, 'Cache/register/action'],
  [
    'POST',
    '/providers/Microsoft.ContainerRegistry/checkNameAvailability',
    '2023-07-01',
    403,
    'ContainerRegistry/checkNameAvailability/read',
  ],
  [
    'GET',
    '/providers/Microsoft.DBforPostgreSQL/locations/eastus/resourceType/flexibleServers/usages',
    '2025-08-01',
    403,
    'DBforPostgreSQL/locations/resourceType/usages/read',
  ],
  ['PUT', '/resourceGroups/new', '2024-11-01', 403, 'Resources/subscriptions/resourcegroups/write'],
  [
    'GET',
    '/resourceGroups/new/providers/Microsoft.Resources/deployments/codex',
    '2022-09-01',
    403,
    'Resources/deployments/read',
  ],
])('rights on one resource group: %s of %s', async (method, path, version, status, action) => {
  const world = createEmptyWorld(idleTypes)
  world.faults.set('few-rights', { name: 'few-rights' })
  const reply = await askArm(world, method, path, version, method === 'GET' ? undefined : { location }).catch(
    errorReply,
  )
  expect(reply.status).toBe(status)
  const { code = '', message = '' } = (reply.body as { error?: Record<string, string> }).error ?? {}
  expect(code).toBe(action && 'AuthorizationFailed')
  expect(message).toContain(action && `to perform action 'Microsoft.${action}' over scope '/subscriptions/`)
})

test('the permissions on that group are those of a Contributor', async () => {
  const world = createEmptyWorld(idleTypes)
  world.faults.set('few-rights', { name: 'few-rights' })
  const path = '/resourceGroups/rg/providers/Microsoft.Authorization/permissions'
  const { body } = await askArm(world, 'GET', path, '2022-04-01')
  const [{ actions, notActions }] = (body as { value: [Record<string, string[]>] }).value
  expect(actions).toEqual(['*'])
  expect(notActions).toContain('Microsoft.Authorization/*/Write')
})

test('a cluster that cannot grow is failed, and not as one whose creation failed', async () => {
  const world = createEmptyWorld()
  const { resource } = put(world, cluster, clusterBody)
  await resource.operation!.done
  world.faults.set('redis-no-capacity', { name: 'redis-no-capacity' })
  await put(world, cluster, clusterBody).operation.done
  expect(view(world, resource).properties.resourceState).toBe('Running')
  const larger = put(world, cluster, { ...clusterBody, sku: { name: 'Balanced_B10' } })
  await larger.operation.done
  expect(larger.operation.error?.code).toBe('InsufficientCapacity')
  expect(view(world, resource).properties).toMatchObject({
    provisioningState: 'Failed',
    resourceState: 'UpdateFailed',
  })
  world.faults.clear()
  expect(() => put(world, cluster, clusterBody)).not.toThrow()
})

test('every fault is used by a test', () => {
  const folder = path.join(home, 'test')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((each) =>
    each.endsWith('.ts'),
  )
  const text = files.map((each) => readFileSync(path.join(folder, each), 'utf8')).join('')
  expect(Object.keys(faults).filter((name) => !text.includes(`'${name}'`))).toEqual([])
})

test.each([
  ['NoCluster', 'OSSCluster', true],
  ['NoCluster', 'EnterpriseCluster', true],
  ['EnterpriseCluster', 'NoCluster', false],
  ['OSSCluster', 'NoCluster', false],
])('the clustering policy from %s to %s: allowed is %s', async (from, to, allowed) => {
  const database = { type: `${cluster.type}/databases`, name: 'codexredis/default' }
  const idle = resourceTypes.map((type) => ({ ...type, apply: async () => {} }))
  const world = createEmptyWorld(idle)
  await put(world, cluster, clusterBody).operation.done
  await put(world, database, { properties: { clusteringPolicy: from } }).operation.done
  const change = () => put(world, database, { properties: { clusteringPolicy: to } })
  if (allowed) expect(change).not.toThrow()
  else expect(change).toThrow("'properties.clusteringPolicy' cannot be changed")
})

const group = (name: string, cpu: number, dnsNameLabel: string, scope?: string) => ({
  body: {
    location,
    properties: {
      osType: 'Linux',
      restartPolicy: 'Always',
      containers: [
        {
          name,
          properties: {
            image: 'codexacr.azurecr.io/codex-backend:1',
            ports: [{ port: 5000 }],
            resources: { requests: { cpu, memoryInGB: 1 } },
          },
        },
      ],
      ipAddress: {
        ...{ type: 'Public', ports: [{ port: 5000 }], dnsNameLabel },
        ...(scope ? { autoGeneratedDomainNameLabelScope: scope } : {}),
      },
    },
  },
  address: { type: 'Microsoft.ContainerInstance/containerGroups', name },
})

test('a DNS label that is taken, and more cores than the region has left', () => {
  const world = createEmptyWorld()
  world.faults.set('dns-label-taken', { name: 'dns-label-taken', label: 'codex-api' })
  const taken = group('codex-backend', 1, 'codex-api')
  expect(() => put(world, taken.address, taken.body)).toThrow(
    "The DNS name label 'codex-api' in container group 'codex-backend' not available. Try using a different label.",
  )
  const single = group('codex-backend', 1, 'codex-other', 'Noreuse')
  expect(() => put(world, single.address, single.body)).toThrow("no DNS name label of the scope 'Noreuse'")
  world.faults.set('few-cores', { name: 'few-cores', cores: 1 })
  const large = group('codex-backend', 2, 'codex-other')
  expect(() => put(world, large.address, large.body)).toThrow(
    "Resource type 'Microsoft.ContainerInstance/containerGroups' container group quota 'StandardCores' exceeded in region " +
      "'eastus'. Limit: '1', Usage: '0' Requested: '2'.",
  )
})
