import { expect, test } from 'vitest'
import { openControlServer } from '../../../rehearsal/azure/controlServer.ts'
import { deleteResource, getAddress, putResource } from '../../../rehearsal/azure/resources.ts'
import type { World } from '../../../rehearsal/azure/world.ts'
import { createEmptyWorld, idleTypes } from '../../support/emulatorFixtures.ts'

/* Whose names stay reserved after a deletion, as Azure does it. */

const location = 'eastus'
const types: Record<string, { type: string; body: object }> = {
  PostgreSQL: {
    type: 'Microsoft.DBforPostgreSQL/flexibleServers',
    body: {
      location,
      sku: { name: 'Standard_B1ms', tier: 'Burstable' },
      properties: {
        version: '16',
        administratorLogin: 'codexadmin',
        administratorLoginPassword: 'Gr8-password',
      },
    },
  },
  'classic Redis': {
    type: 'Microsoft.Cache/redis',
    body: { location, properties: { sku: { name: 'Basic', family: 'C', capacity: 0 } } },
  },
  'managed Redis': {
    type: 'Microsoft.Cache/redisEnterprise',
    body: { location, sku: { name: 'Balanced_B0' } },
  },
  registry: {
    type: 'Microsoft.ContainerRegistry/registries',
    body: { location, sku: { name: 'Basic' } },
  },
}

function createWorld(): World {
  const world = createEmptyWorld(idleTypes)
  world.faults.clear()
  world.groups.set('other', { name: 'other', location, tags: {}, deleting: false })
  return world
}

const put = (world: World, kind: string, group = 'rg') =>
  putResource(
    world,
    getAddress(world, group, types[kind]!.type, 'codexname'),
    structuredClone(types[kind]!.body),
  )

test.each([
  ['PostgreSQL', 'ServerNameAlreadyExists'],
  ['classic Redis', 'NameNotAvailable'],
])('the name of a deleted %s stays reserved until time is said to have passed', async (kind, code) => {
  const world = createWorld()
  const { resource, operation } = put(world, kind)
  await operation.done
  await deleteResource(world, resource).done
  expect(() => put(world, kind)).toThrow(expect.objectContaining({ status: 409, code }))
  const control = await openControlServer(world)
  try {
    const answer = await fetch(`${control.url}/names/free`, { method: 'POST' })
    expect(await answer.json()).toEqual({ freed: [`${types[kind]!.type}/codexname`.toLowerCase()] })
  } finally {
    await control.stop()
  }
  await put(world, kind).operation.done
})

test.each(['managed Redis', 'registry'])('the name of a deleted %s is free at once', async (kind) => {
  const world = createWorld()
  const { resource, operation } = put(world, kind)
  await operation.done
  await deleteResource(world, resource).done
  await put(world, kind).operation.done
})

test.each(Object.keys(types))('a %s of the same name in another group is refused', async (kind) => {
  const world = createWorld()
  await put(world, kind).operation.done
  expect(() => put(world, kind, 'other')).toThrow(expect.objectContaining({ status: 409 }))
})
