import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { getAddress, putResource } from '../../../rehearsal/azure/resources.ts'
import type { World } from '../../../rehearsal/azure/world.ts'
import { askArm, createEmptyWorld, idleTypes } from '../../support/emulatorFixtures.ts'

/* What a request makes ARM do: any PUT is an operation, and some types refuse what others allow. */

const cluster = 'Microsoft.Cache/redisEnterprise'
const clusterBody = { location: 'eastus', sku: { name: 'Balanced_B0' }, properties: {} }
const databaseBody = { properties: { clusteringPolicy: 'NoCluster', accessKeysAuthentication: 'Enabled' } }

const put = (world: World, type: string, name: string, body: object) =>
  putResource(world, getAddress(world, 'rg', type, name), body)

const putCluster = (world: World, body: object = clusterBody) => put(world, cluster, 'codexredis', body)
const putDatabase = (world: World) => put(world, `${cluster}/databases`, 'codexredis/default', databaseBody)

const conflict = expect.objectContaining({
  status: 409,
  code: 'Conflict',
  message: 'A resource with this name already exists or is in a conflicting state.',
})

test('an identical body is an operation like any other, and takes as long', async () => {
  let applied = 0
  const world = createEmptyWorld(
    idleTypes.map((type) => ({ ...type, usualSeconds: 3, apply: async () => void applied++ })),
  )
  world.latency = 'realistic'
  await putCluster(world).operation.done
  const again = putCluster(world)
  expect([again.created, again.resource.state, again.operation.status]).toEqual([
    false,
    'Updating',
    'InProgress',
  ])
  // A tenth of the usual time is 300 ms.
  expect(await Promise.race([again.operation.done.then(() => 'done'), setTimeout(200, 'busy')])).toBe('busy')
  await again.operation.done
  expect([again.resource.state, applied]).toEqual(['Succeeded', 2])
})

test('an identical body restarts the containers of a group', async () => {
  const { containerGroups } = await import('../../../rehearsal/azure/providers/containers.ts')
  const stopped: string[] = []
  const world = createEmptyWorld(
    idleTypes.map((type) => (type.type === containerGroups.type ? { ...containerGroups, check() {} } : type)),
  )
  const wanted = { location: 'eastus', properties: { containers: [{ name: 'api', properties: {} }] } }
  const address = getAddress(world, 'rg', containerGroups.type, 'codex-api')
  const resource = {
    ...address,
    wanted,
    state: 'Succeeded' as const,
    createdAt: new Date(),
    runtime: { container: { stop: async () => void stopped.push('api') } },
  }
  world.resources.set(address.id.toLowerCase(), resource)
  const { operation } = putResource(world, address, structuredClone(wanted))
  await operation.done
  expect(stopped).toEqual(['api'])
})

test('a Redis takes one change at a time, be it of the cluster or of its database', async () => {
  const world = createEmptyWorld(idleTypes)
  await putCluster(world).operation.done
  const first = putCluster(world)
  expect(() => putDatabase(world)).toThrow(conflict)
  expect(() => putCluster(world)).toThrow(conflict)
  await first.operation.done
  const second = putDatabase(world)
  expect(() => putCluster(world)).toThrow(conflict)
  expect(() => putDatabase(world)).toThrow(conflict)
  await second.operation.done
  await putCluster(world).operation.done
})

test('high availability of a Redis can change, and so can its size', async () => {
  const world = createEmptyWorld(idleTypes)
  for (const highAvailability of ['Disabled', 'Enabled', 'Disabled'])
    await putCluster(world, { ...clusterBody, properties: { highAvailability } }).operation.done
  for (const name of ['MemoryOptimized_M2000', 'ComputeOptimized_X700', 'FlashOptimized_A4500'])
    await putCluster(world, { ...clusterBody, sku: { name } }).operation.done
  expect(() => putCluster(world, { ...clusterBody, sku: { name: 'Balanced_B2' } })).toThrow(/sku\.name/)
})

test('the database of a Redis cannot be changed by PATCH, its cluster can', async () => {
  const world = createEmptyWorld(idleTypes)
  await putCluster(world).operation.done
  await putDatabase(world).operation.done
  const path = '/resourceGroups/rg/providers/Microsoft.Cache/redisEnterprise/codexredis'
  const patch = (end: string) => askArm(world, 'PATCH', path + end, '2025-07-01', { properties: {} })
  await expect(patch('/databases/default')).rejects.toMatchObject({ status: 501, code: 'NotImplemented' })
  expect(await patch('')).toMatchObject({ status: 200 })
})
