import { expect, test } from 'vitest'
import { resourceTypes } from '../../../rehearsal/azure/providers.ts'
import { getAddress, putResource } from '../../../rehearsal/azure/resources.ts'
import type { World } from '../../../rehearsal/azure/world.ts'
import { createEmptyWorld } from '../../support/emulatorFixtures.ts'

/* Which major versions Azure takes, and when it upgrades a server. Nothing runs behind these servers. */

const type = 'Microsoft.DBforPostgreSQL/flexibleServers'

const ours = () => createEmptyWorld(resourceTypes.map((each) => ({ ...each, apply: async () => {} })))

const put = (world: World, version: string, createMode: string | undefined, apiVersion = '2025-08-01') =>
  putResource(
    world,
    getAddress(world, 'rg', type, 'codex-db'),
    {
      location: 'eastus',
      sku: { name: 'Standard_B1ms', tier: 'Burstable' },
      properties: {
        version,
        ...(createMode ? { createMode } : {}),
        administratorLogin: 'codexadmin',
        administratorLoginPassword: 'Gr8-password',
      },
    },
    apiVersion,
  )

test.each([
  ['2022-12-01', '14', '15'],
  ['2024-08-01', '16', '17'],
  ['2025-08-01', '18', '19'],
])('the API version %s ends at PostgreSQL %s', (apiVersion, last, next) => {
  expect(() => put(ours(), last, undefined, apiVersion)).not.toThrow()
  expect(() => put(ours(), next, undefined, apiVersion)).toThrow(
    expect.objectContaining({ code: 'ParameterOutOfRange' }),
  )
})

test('a newer version of an existing server needs createMode Update, and the next PUT none', async () => {
  const world = ours()
  await put(world, '16', 'Default').operation.done
  for (const mode of [undefined, 'Default'])
    expect(() => put(world, '17', mode)).toThrow(/createMode.*needs 'Update'/)
  const { operation, resource } = put(world, '17', 'Update')
  await operation.done
  expect(resource.wanted.properties).toMatchObject({ version: '17' })
  await put(world, '17', 'Default').operation.done
  expect(() => put(world, '16', 'Update')).toThrow(
    expect.objectContaining({ code: 'InvalidVersionDowngrade' }),
  )
})

test('createMode Update of a server that does not exist is refused', () => {
  expect(() => put(ours(), '17', 'Update')).toThrow(expect.objectContaining({ code: 'ResourceNotFound' }))
})
