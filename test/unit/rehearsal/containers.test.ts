import { expect, test } from 'vitest'
import { containerLog } from '../../../rehearsal/azure/containerLog.ts'
import type { Call } from '../../../rehearsal/azure/http.ts'
import { locationHeaders, operationHeaders } from '../../../rehearsal/azure/operations.ts'
import { containerGroups } from '../../../rehearsal/azure/providers/containers.ts'
import { resourceTypes } from '../../../rehearsal/azure/providers.ts'
import { deleteResource, getAddress, putResource } from '../../../rehearsal/azure/resources.ts'
import type { Resource } from '../../../rehearsal/azure/world.ts'
import { createEmptyWorld } from '../../support/emulatorFixtures.ts'

const get = (query: string): Call => ({
  ...{ method: 'GET', host: 'management.azure.com', path: '/', headers: {}, body: Buffer.alloc(0) },
  query: new URLSearchParams(query),
})

test('the log of a container that has written nothing is null, as ARM returns it', async () => {
  const log = containerLog()
  const group = {
    name: 'codex-worker',
    wanted: { properties: { containers: [{ name: 'codex-worker' }] } },
    runtime: { container: { log } },
  } as unknown as Resource
  const read = async (query = '') =>
    (await containerGroups.read?.(
      createEmptyWorld(),
      group,
      ['containers', 'codex-worker', 'logs'],
      get(query),
    ))!.body
  expect(await read()).toEqual({ content: null })
  log.keep('first\nlast\n')
  expect(await read('tail=1')).toEqual({ content: 'last\n' })
})

test.each([
  ['Microsoft.ContainerInstance/containerGroups', undefined],
  ['Microsoft.Cache/redis', '1'],
])('the answers of %s say Retry-After: %s', async (type, seconds) => {
  const idle = resourceTypes.map((each) => ({ ...each, check() {}, apply: async () => {}, show: () => ({}) }))
  const world = createEmptyWorld(idle.map(({ remove: _remove, ...each }) => each))
  const { resource, operation } = putResource(world, getAddress(world, 'rg', type, 'codex'), {
    location: 'eastus',
    properties: {},
  })
  expect(operationHeaders(world, operation!, '2023-05-01')['Retry-After']).toBe(seconds)
  await operation!.done
  const deletion = deleteResource(world, resource)
  expect(locationHeaders(world, deletion, '2023-05-01')['Retry-After']).toBe(seconds)
  await deletion.done
})

test('a deletion waits for the creation that is under way, and a second one joins it', async () => {
  const steps: string[] = []
  const type = 'Microsoft.ContainerInstance/containerGroups'
  const world = createEmptyWorld([
    {
      ...containerGroups,
      check() {},
      async apply() {
        await new Promise((resolve) => setTimeout(resolve, 20))
        steps.push('created')
      },
      remove: async () => void steps.push('removed'),
    },
  ])
  const body = { location: 'eastus', properties: { containers: [] } }
  const { resource } = putResource(world, getAddress(world, 'rg', type, 'codex-api'), body)
  const deletion = deleteResource(world, resource)
  expect(deleteResource(world, resource)).toBe(deletion)
  await deletion.done
  expect(steps).toEqual(['created', 'removed'])
  expect(world.resources.size).toBe(0)
})
