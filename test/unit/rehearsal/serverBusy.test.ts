import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { resourceTypes } from '../../../rehearsal/azure/providers.ts'
import { getAddress, putResource } from '../../../rehearsal/azure/resources.ts'
import type { ResourceType } from '../../../rehearsal/azure/types.ts'
import type { World } from '../../../rehearsal/azure/world.ts'
import { createEmptyWorld } from '../../support/emulatorFixtures.ts'
import { home } from '../../support/helpers.ts'

/* When a flexible server refuses a change because it is busy. No process runs behind these servers. */

const namespace = 'Microsoft.DBforPostgreSQL/flexibleServers'
const settings = new Map([['require_secure_transport', { setting: 'on' }]])

/** The emulator's own rules, without what would start or change a real server. */
const idle = (type: ResourceType): ResourceType => ({
  ...type,
  async apply(_world, resource) {
    if (resource.type === namespace) resource.runtime.server = { settings }
  },
})

const bodies: Record<string, object> = {
  [namespace]: {
    location: 'eastus',
    sku: { name: 'Standard_B1ms', tier: 'Burstable' },
    properties: {
      version: '16',
      administratorLogin: 'codexadmin',
      administratorLoginPassword: 'Gr8-password',
    },
  },
  [`${namespace}/databases`]: { properties: { charset: 'UTF8', collation: 'en_US.utf8' } },
  [`${namespace}/firewallRules`]: { properties: { startIpAddress: '0.0.0.0', endIpAddress: '0.0.0.0' } },
  [`${namespace}/configurations`]: { properties: { value: 'on', source: 'user-override' } },
}

const names: Record<string, string> = {
  [namespace]: 'codex-db',
  [`${namespace}/databases`]: 'codex-db/codexdb',
  [`${namespace}/firewallRules`]: 'codex-db/operator',
  [`${namespace}/configurations`]: 'codex-db/require_secure_transport',
}

const put = (world: World, type: string) =>
  putResource(world, getAddress(world, 'rg', type, names[type]!), bodies[type]!)

/** Sends these PUT requests one after the other. */
async function putInOrder(world: World, types: readonly string[]): Promise<void> {
  for (const type of types) await put(world, type).operation.done
}

const busy = {
  status: 409,
  code: 'ServerIsBusy',
  message:
    "Cannot complete operation while server 'codex-db' is busy processing another operation. Try again later.",
}
const ours = () => createEmptyWorld(resourceTypes.map(idle))

test('a parameter right after the server is refused, on the first run and on every later one', async () => {
  const world = ours()
  await putInOrder(world, [namespace])
  expect(() => put(world, `${namespace}/configurations`)).toThrow(expect.objectContaining(busy))
  await putInOrder(world, [`${namespace}/databases`, `${namespace}/configurations`, namespace])
  expect(() => put(world, `${namespace}/configurations`)).toThrow(expect.objectContaining(busy))
})

test('database, firewall rule and parameter one after the other are accepted, again and again', async () => {
  const world = ours()
  const order = ['', '/databases', '/firewallRules', '/configurations'].map((end) => namespace + end)
  await putInOrder(world, order)
  await putInOrder(world, order)
})

test('a child is refused while another one is in progress', async () => {
  const world = ours()
  await putInOrder(world, [namespace])
  const first = put(world, `${namespace}/databases`)
  expect(() => put(world, `${namespace}/firewallRules`)).toThrow(expect.objectContaining(busy))
  await first.operation.done
  await putInOrder(world, [`${namespace}/firewallRules`])
})

test('a change of the server is refused while a child is in progress', async () => {
  const world = ours()
  await putInOrder(world, [namespace])
  const child = put(world, `${namespace}/databases`)
  expect(() => put(world, namespace)).toThrow(expect.objectContaining(busy))
  await child.operation.done
  await putInOrder(world, [namespace])
})

test('the order of infra/data-tier.json is accepted', async () => {
  const template = JSON.parse(readFileSync(path.join(home, 'infra', 'data-tier.json'), 'utf8')) as {
    resources: { type: string }[]
  }
  const types = template.resources.map(({ type }) => type).filter((type) => type.startsWith(namespace))
  expect(types).toContain(`${namespace}/databases`)
  await putInOrder(ours(), types)
})
