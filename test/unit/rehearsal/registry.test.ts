import { expect, test } from 'vitest'
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
