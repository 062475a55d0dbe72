import { expect, test } from 'vitest'
import { arm } from '../../../rehearsal/azure/arm.ts'
import { errorReply } from '../../../rehearsal/azure/errors.ts'
import { issueToken } from '../../../rehearsal/azure/login.ts'
import { getAddress, putResource, view } from '../../../rehearsal/azure/resources.ts'
import { createEmptyWorld } from '../../support/emulatorFixtures.ts'

/**
 * The shape of `Policies` in Microsoft's models (@azure/arm-containerregistry 12, API 2025-11-01; `softDeletePolicy` of
 * the API 2023-01-01-preview, which `az` asks), with the values that `az acr show` prints of a new Basic registry.
 */
const policies = {
  quarantinePolicy: { status: 'disabled' },
  trustPolicy: { type: 'Notary', status: 'disabled' },
  retentionPolicy: { days: 7, lastUpdatedTime: expect.stringMatching(/^\d{4}-.*Z$/), status: 'disabled' },
  exportPolicy: { status: 'enabled' },
  azureADAuthenticationAsArmPolicy: { status: 'enabled' },
  softDeletePolicy: {
    retentionDays: 7,
    lastUpdatedTime: expect.stringMatching(/^\d{4}-.*Z$/),
    status: 'disabled',
  },
}

const address = (world: ReturnType<typeof createEmptyWorld>) =>
  getAddress(world, 'rg', 'Microsoft.ContainerRegistry/registries', 'codexregistry')

const body = { location: 'eastus', sku: { name: 'Basic' }, properties: { adminUserEnabled: true } }

test('a registry shows its policies as Azure does, and in a list too', async () => {
  const world = createEmptyWorld()
  const put = putResource(world, address(world), body)
  await put.operation.done
  expect(view(world, put.resource).properties.policies).toEqual(policies)
  expect(view(world, put.resource, true).properties.policies).toEqual(policies)
})

test('a policy that is set is shown, and the others keep their defaults', async () => {
  const world = createEmptyWorld()
  const put = putResource(world, address(world), {
    ...body,
    properties: { policies: { azureADAuthenticationAsArmPolicy: { status: 'disabled' } } },
  })
  await put.operation.done
  expect(view(world, put.resource).properties.policies).toEqual({
    ...policies,
    azureADAuthenticationAsArmPolicy: { status: 'disabled' },
  })
})

test('az acr finds its registry in the list of all resources, by type (get_resources_in_subscription of azure-cli)', async () => {
  const world = createEmptyWorld()
  await putResource(world, address(world), body).operation.done
  const find = async (filter: string) => {
    const query = new URLSearchParams({ 'api-version': '2022-09-01', $filter: filter })
    const headers = { authorization: `Bearer ${issueToken(world, 'management')}` }
    const call = { method: 'GET', host: 'management.azure.com', headers }
    const path = `/subscriptions/${world.subscription.id}/resources`
    return arm(world, { ...call, path, query, body: Buffer.from('') }).catch(errorReply)
  }
  const list = async (type: string) =>
    ((await find(`resourceType eq '${type}'`)).body as { value: { name: string }[] }).value
  expect(await list('Microsoft.ContainerRegistry/registries')).toMatchObject([{ name: 'codexregistry' }])
  expect(await list('Microsoft.Cache/redis')).toEqual([])
  expect(await find("name eq 'codexregistry'")).toMatchObject({ status: 400 })
})
