import { expect, test } from 'vitest'
import { planDeployment } from '../../../rehearsal/azure/deploymentPlan.ts'
import { deploymentsRoute } from '../../../rehearsal/azure/deployments.ts'
import { resourceTypes } from '../../../rehearsal/azure/providers.ts'
import type { World } from '../../../rehearsal/azure/world.ts'
import { createDataTierDeployment, createEmptyWorld } from '../../support/emulatorFixtures.ts'
import { loadTestConfig } from '../../support/helpers.ts'

/* infra/data-tier.json as the rehearsal's Azure deploys it. Nothing runs behind the resources. */

const ours = () => createEmptyWorld(resourceTypes.map((type) => ({ ...type, apply: async () => {} })))

/** Deploys; gives the end state and the error, if there is one. */
async function deploy(world: World, name: string, lines: string[], postgresCreateMode = 'Default') {
  const deployment = createDataTierDeployment(await loadTestConfig(...lines), name, postgresCreateMode)
  const body = Buffer.from(JSON.stringify(deployment))
  const call = { method: 'PUT', host: '', path: '', query: new URLSearchParams(), headers: {}, body }
  deploymentsRoute(world, call, 'rg', [name], '2021-04-01')
  await Promise.all([...world.operations.values()].map(({ done }) => done))
  return [...world.deployments.values()].at(-1)!.properties as { provisioningState: string; error?: object }
}

const find = (world: World, end: string) =>
  [...world.resources.values()].find(({ id }) => id.endsWith(end))?.wanted

test('each resource is created in its region, PostgreSQL in the tier of its size', async () => {
  const world = ours()
  const lines = ['POSTGRES_LOCATION=westus3', 'REDIS_LOCATION=northeurope', 'POSTGRES_SKU=Standard_D2ds_v5']
  expect(await deploy(world, 'd1', [...lines, 'POSTGRES_VERSION=18'])).toMatchObject({
    provisioningState: 'Succeeded',
  })
  expect(find(world, 'registries/codexacr1216')).toMatchObject({ location: 'eastus' })
  expect(find(world, 'flexibleServers/codexdominion-db')).toMatchObject({
    location: 'westus3',
    sku: { name: 'Standard_D2ds_v5', tier: 'GeneralPurpose' },
    properties: { version: '18' },
  })
  expect(find(world, 'redisEnterprise/codexdominion-redis')).toMatchObject({ location: 'northeurope' })
  expect(find(world, 'firewallRules/operator')).toMatchObject({
    properties: { startIpAddress: '198.51.100.7', endIpAddress: '198.51.100.7' },
  })
})

test('a newer major version is deployed only as an upgrade', async () => {
  const world = ours()
  await deploy(world, 'd1', ['POSTGRES_VERSION=15'])
  const newer = ['POSTGRES_VERSION=16']
  expect(await deploy(world, 'd2', newer)).toMatchObject({
    provisioningState: 'Failed',
    error: { details: [{ code: 'InvalidParameterValue', message: expect.stringContaining('Update') }] },
  })
  expect(await deploy(world, 'd3', newer, 'Update')).toMatchObject({ provisioningState: 'Succeeded' })
  expect(find(world, 'flexibleServers/codexdominion-db')).toMatchObject({ properties: { version: '16' } })
})

const registry = {
  type: 'Microsoft.ContainerRegistry/registries',
  apiVersion: '2023-07-01',
  name: 'codexreg',
}

test.each<[string, object, RegExp]>([
  ['a function that our template does not use', { ...registry, name: "[uniqueString('a')]" }, /uniqueString/],
  ['a member of a value', { ...registry, name: "[parameters('name').a]" }, /unexpected '\.' in place 5/],
  ['an expression without its end', { ...registry, name: "[concat('a', 'b']" }, /unexpected 'end'/],
  ['a parameter that is not declared', { ...registry, name: "[parameters('else')]" }, /'else' is not found/],
  ['a nested resource', { ...registry, resources: [] }, /nested resources/],
  ['a loop', { ...registry, copy: { name: 'a', count: 2 } }, /'copy' loops/],
  ['a resource without name', { ...registry, name: undefined }, /no 'name'/],
  ['a dependency outside of the template', { ...registry, dependsOn: ['else'] }, /'else' is not defined/],
  [
    'a circle',
    { ...registry, dependsOn: ["[resourceId('Microsoft.ContainerRegistry/registries', 'codexreg')]"] },
    /Circular/,
  ],
  [
    'too few names',
    { ...registry, dependsOn: ["[resourceId('Microsoft.ContainerRegistry/registries')]"] },
    /requires '1'/,
  ],
])('refused: %s', (_what, resource, message) => {
  const world = ours()
  const template = {
    parameters: { name: { type: 'string', defaultValue: 'codexreg' } },
    resources: [resource],
  }
  const plan = () => planDeployment(world, world.groups.get('rg')!, { template })
  expect(plan).toThrow(
    expect.objectContaining({ code: 'InvalidTemplate', message: expect.stringMatching(message) }),
  )
})

test('a constraint of a parameter that our template does not use is refused, and so are outputs', () => {
  const world = ours()
  const plan = (more: object) =>
    planDeployment(world, world.groups.get('rg')!, { template: { resources: [registry], ...more } })
  const parameters = { name: { type: 'string', defaultValue: 'a', minLength: 1 } }
  expect(() => plan({ parameters })).toThrow(/'minLength' of a parameter/)
  expect(() => plan({ outputs: {} })).toThrow(/part\(s\) 'outputs'/)
})

test('a child waits for its parent only if it says so', async () => {
  const world = ours()
  const type = 'Microsoft.Cache/redisEnterprise'
  const cluster = { type, name: 'cache', location: 'eastus', sku: { name: 'Balanced_B0' } }
  const child = { type: `${type}/databases`, name: 'cache/default' }
  const resources = [child, cluster].map((each) => ({ ...each, apiVersion: '2025-07-01' }))
  const after = (more: object) => {
    const template = { resources: [{ ...resources[0], ...more }, resources[1]] }
    return planDeployment(world, world.groups.get('rg')!, { template }).resources[0]!.after
  }
  expect(after({})).toEqual([])
  expect(after({ dependsOn: [`[resourceId('${type}', 'cache')]`] })).toEqual([
    expect.stringMatching(/\/redisenterprise\/cache$/),
  ])
})
