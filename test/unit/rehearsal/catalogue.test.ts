import { expect, test } from 'vitest'
import { planDeployment } from '../../../rehearsal/azure/deploymentPlan.ts'
import { askArm, createEmptyWorld, idleTypes } from '../../support/emulatorFixtures.ts'

/* Regions and API versions: the emulator knows those that Azure has, and refuses others in Azure's words. */

const server = 'Microsoft.DBforPostgreSQL/flexibleServers'

test.each([
  [`${server}/codex`, 'flexibleServers'],
  [`${server}/codex/databases/codex`, 'flexibleServers/databases'],
  [`${server}/codex/backups`, 'flexibleServers/backups'],
  ['Microsoft.ContainerRegistry/registries/codex/scheduleRun', 'registries/scheduleRun'],
])('an API version that %s does not have', async (path, type) => {
  const world = createEmptyWorld(idleTypes)
  const answer = askArm(world, 'GET', `/resourceGroups/rg/providers/${path}`, '2024-08-02')
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
  const world = createEmptyWorld(idleTypes)
  const registry = '/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/codexregistry'
  await expect(askArm(world, 'GET', registry, '2025-08-01')).rejects.toMatchObject({
    code: 'NoRegisteredProviderFound',
  })
  await expect(askArm(world, 'GET', registry, '2023-07-01')).rejects.toMatchObject({
    code: 'ResourceNotFound',
  })
})

test.each([
  ['GET', 'Microsoft.DBforPostgreSQL/flexibleServers', 'flexibleServers'],
  ['GET', 'Microsoft.ContainerInstance/locations/eastus/usages', 'locations/usages'],
  ['POST', 'Microsoft.ContainerRegistry/checkNameAvailability', 'checkNameAvailability'],
])('an API version that is not one of a provider: %s %s', async (method, path, type) => {
  const world = createEmptyWorld(idleTypes)
  await expect(askArm(world, method, `/providers/${path}`, '2024-08-02')).rejects.toMatchObject({
    ...{ status: 400, code: 'InvalidResourceType' },
    message: expect.stringMatching(
      `^The resource type '${type}' could not be found in the namespace '${path.split('/')[0]}' for api version '2024-08-02'\\. ` +
        "The supported api-versions are '20.*'\\.$",
    ),
  })
})

test.each([
  ['policyAssignments', '2022-04-01', '2022-06-01'],
  ['permissions', '2022-06-01', '2022-04-01'],
  ['roleAssignments', '2022-06-01', '2022-04-01'],
])('%s have versions of their own: %s is refused, %s is known', async (what, unknown, known) => {
  const world = createEmptyWorld(idleTypes)
  for (const scope of ['', '/resourceGroups/rg']) {
    const path = `${scope}/providers/Microsoft.Authorization/${what}`
    await expect(askArm(world, 'GET', path, unknown)).rejects.toMatchObject({
      ...{ status: 400, code: 'InvalidResourceType' },
      message: expect.stringMatching(
        `^The resource type '${what}' could not be found in the namespace 'Microsoft.Authorization' for api version '${unknown}'\\.`,
      ),
    })
    await expect(askArm(world, 'GET', path, known)).resolves.toMatchObject({ status: 200 })
  }
})

test('a namespace that this Azure does not have', async () => {
  const world = createEmptyWorld(idleTypes)
  const usages = '/providers/Microsoft.Compute/locations/eastus/usages'
  await expect(askArm(world, 'GET', usages, '2024-07-01')).rejects.toMatchObject({
    code: 'InvalidResourceNamespace',
  })
})

test('metrics of a resource have versions of their own', async () => {
  const world = createEmptyWorld(idleTypes)
  const registry = '/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/codexregistry'
  await askArm(world, 'PUT', registry, '2023-07-01', { location: 'eastus', sku: { name: 'Basic' } })
  const metrics = `${registry}/providers/Microsoft.Insights/metrics`
  await expect(askArm(world, 'GET', metrics, '2023-07-01')).rejects.toMatchObject({
    code: 'InvalidResourceType',
  })
  // The version is known, and a registry has no metrics here.
  await expect(askArm(world, 'GET', metrics, '2018-01-01')).rejects.toMatchObject({ code: 'BadRequest' })
})

test('ARM itself has versions, too; metrics have their own', async () => {
  const world = createEmptyWorld(idleTypes)
  await expect(askArm(world, 'GET', '/resourceGroups/rg', '2024-08-02')).rejects.toMatchObject({
    status: 400,
    code: 'InvalidApiVersionParameter',
    message: expect.stringMatching(
      /^The api-version '2024-08-02' is invalid\. The supported versions are '2025/,
    ),
  })
  await expect(askArm(world, 'GET', '/providers/Microsoft.Cache', '2024-08-02')).rejects.toMatchObject({
    code: 'InvalidApiVersionParameter',
  })
  await expect(askArm(world, 'GET', '/resourceGroups/rg', '2021-04-01')).resolves.toMatchObject({
    status: 200,
  })
  const metrics = `/resourceGroups/rg/providers/${server}/codex/providers/Microsoft.Insights/metrics`
  await expect(askArm(world, 'GET', metrics, '2018-01-01')).rejects.toMatchObject({
    code: 'ResourceNotFound',
  })
})

test('a region that Azure does not have: of a group, a resource and a template', async () => {
  const world = createEmptyWorld(idleTypes)
  const location = 'eastus7'
  await expect(askArm(world, 'PUT', '/resourceGroups/new', '2021-04-01', { location })).rejects.toMatchObject(
    {
      status: 400,
      code: 'LocationNotAvailableForResourceGroup',
      message: expect.stringMatching(
        /^The provided location 'eastus7' is not available for resource group\. List of available regions is '.*,eastus,/,
      ),
    },
  )
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
    askArm(world, 'PUT', `/resourceGroups/rg/providers/${type}/codexregistry`, '2023-07-01', body),
  ).rejects.toMatchObject(refusal)
  const plan = (resource: object) => () =>
    planDeployment(world, world.groups.get('rg')!, {
      template: { resources: [{ type, apiVersion: '2023-07-01', name: 'codexregistry', ...resource }] },
    })
  expect(plan({ location })).toThrow(expect.objectContaining(refusal))
  expect(plan({ location: 'East US' })).not.toThrow()
  expect(plan({ location: 'eastus', apiVersion: '2023-07-02' })).toThrow(
    expect.objectContaining({ code: 'NoRegisteredProviderFound' }),
  )
})

test('a region that lacks a type: the provider does not list it, and requests and deployments are refused', async () => {
  const world = createEmptyWorld(idleTypes)
  const type = 'Microsoft.Cache/redisEnterprise'
  world.faults.set('type-not-offered', { name: 'type-not-offered', type, location: 'eastus' })
  const provider = (await askArm(world, 'GET', '/providers/Microsoft.Cache', '2021-04-01')) as {
    body: { resourceTypes: { resourceType: string; locations: string[] }[] }
  }
  const listed = Object.fromEntries(
    provider.body.resourceTypes.map(({ resourceType, locations }) => [
      resourceType,
      ['East US', 'East US 2'].filter((name) => locations.includes(name)),
    ]),
  )
  expect(listed).toMatchObject({ redisEnterprise: ['East US 2'], redis: ['East US', 'East US 2'] })
  const redis = '/resourceGroups/rg/providers/Microsoft.Cache/redisEnterprise/codexredis'
  const refused = { code: 'NoRegisteredProviderFound', message: expect.stringContaining("'eastus'") }
  await expect(askArm(world, 'GET', redis, '2025-07-01')).rejects.toMatchObject({ code: 'ResourceNotFound' })
  const body = { location: 'eastus', sku: { name: 'Balanced_B0' } }
  await expect(askArm(world, 'PUT', redis, '2025-07-01', body)).rejects.toMatchObject(refused)
  const resource = { type, apiVersion: '2025-07-01', name: 'codexredis', ...body }
  const plan = () => planDeployment(world, world.groups.get('rg')!, { template: { resources: [resource] } })
  expect(plan).toThrow(expect.objectContaining(refused))
})
