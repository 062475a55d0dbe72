import { expect, test } from 'vitest'
import { arm } from '../../../rehearsal/azure/arm.ts'
import { planDeployment } from '../../../rehearsal/azure/deploymentPlan.ts'
import { issueToken } from '../../../rehearsal/azure/login.ts'
import { resourceTypes } from '../../../rehearsal/azure/providers.ts'
import type { World } from '../../../rehearsal/azure/world.ts'
import { createEmptyWorld } from '../../support/emulatorFixtures.ts'

/* Regions and API versions: the emulator knows those that Azure has, and refuses others in Azure's words. */

const idle = resourceTypes.map((type) => ({ ...type, apply: async () => {} }))
const server = 'Microsoft.DBforPostgreSQL/flexibleServers'

function ask(world: World, method: string, path: string, version: string, body?: object) {
  return arm(world, {
    method,
    host: 'management.azure.com',
    path: `/subscriptions/${world.subscription.id}${path}`,
    query: new URLSearchParams({ 'api-version': version }),
    headers: { authorization: `Bearer ${issueToken(world, 'management')}` },
    body: Buffer.from(body ? JSON.stringify(body) : ''),
  })
}

test.each([
  [`${server}/codex`, 'flexibleServers'],
  [`${server}/codex/databases/codex`, 'flexibleServers/databases'],
  [`${server}/codex/backups`, 'flexibleServers/backups'],
  ['Microsoft.ContainerRegistry/registries/codex/scheduleRun', 'registries/scheduleRun'],
])('an API version that %s does not have', async (path, type) => {
  const world = createEmptyWorld(idle)
  const answer = ask(world, 'GET', `/resourceGroups/rg/providers/${path}`, '2024-08-02')
  await expect(answer).rejects.toMatchObject({
    status: 400,
    code: 'NoRegisteredProviderFound',
    message: expect.stringMatching(
      `^No registered resource provider found for location 'eastus' and API version '2024-08-02' for type '${type}'\\. ` +
        "The supported api-versions are '20.*'\\.$",
    ),
  })
})

test('an API version of one type is not one of another', async () => {
  const world = createEmptyWorld(idle)
  const registry = '/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/codexregistry'
  await expect(ask(world, 'GET', registry, '2025-08-01')).rejects.toMatchObject({
    code: 'NoRegisteredProviderFound',
  })
  await expect(ask(world, 'GET', registry, '2023-07-01')).rejects.toMatchObject({ code: 'ResourceNotFound' })
})

test('ARM itself has versions, too; metrics have their own', async () => {
  const world = createEmptyWorld(idle)
  await expect(ask(world, 'GET', '/resourceGroups/rg', '2024-08-02')).rejects.toMatchObject({
    status: 400,
    code: 'InvalidApiVersionParameter',
    message: expect.stringMatching(
      /^The api-version '2024-08-02' is invalid\. The supported versions are '2025/,
    ),
  })
  await expect(ask(world, 'GET', '/resourceGroups/rg', '2021-04-01')).resolves.toMatchObject({ status: 200 })
  const metrics = `/resourceGroups/rg/providers/${server}/codex/providers/Microsoft.Insights/metrics`
  await expect(ask(world, 'GET', metrics, '2018-01-01')).rejects.toMatchObject({ code: 'ResourceNotFound' })
})

test('a region that Azure does not have: of a group, a resource and a template', async () => {
  const world = createEmptyWorld(idle)
  const location = 'eastus7'
  await expect(ask(world, 'PUT', '/resourceGroups/new', '2021-04-01', { location })).rejects.toMatchObject({
    status: 400,
    code: 'LocationNotAvailableForResourceGroup',
    message: expect.stringMatching(
      /^The provided location 'eastus7' is not available for resource group\. List of available regions is '.*,eastus,/,
    ),
  })
  const refusal = {
    status: 400,
    code: 'LocationNotAvailableForResourceType',
    message: expect.stringMatching(
      /^The provided location 'eastus7' is not available for resource type 'Microsoft\.ContainerRegistry\/registries'\. List of available regions for the resource type is '.*,eastus,/,
    ),
  }
  const type = 'Microsoft.ContainerRegistry/registries'
  const body = { location, sku: { name: 'Basic' } }
  await expect(
    ask(world, 'PUT', `/resourceGroups/rg/providers/${type}/codexregistry`, '2023-07-01', body),
  ).rejects.toMatchObject(refusal)
  const plan = (resource: object) => () =>
    planDeployment(world, world.groups.get('rg')!, 'd', {
      template: { resources: [{ type, apiVersion: '2023-07-01', name: 'codexregistry', ...resource }] },
    })
  expect(plan({ location })).toThrow(expect.objectContaining(refusal))
  expect(plan({ location: 'East US' })).not.toThrow()
  expect(plan({ location: 'eastus', apiVersion: '2023-07-02' })).toThrow(
    expect.objectContaining({ code: 'NoRegisteredProviderFound' }),
  )
})
