import { expect, test } from 'vitest'
import type { Arm } from '../../../lib/azure/arm.ts'
import {
  type Patience,
  waitUntilGone,
  waitUntilProvisioned,
} from '../../../lib/azure/containers/provisioning.ts'
import { formatRefusal } from '../../../lib/azure/refusals.ts'
import { groupId, readGroup } from '../../../lib/azure/resources/containerGroups.ts'
import { noteSubscription } from '../../../lib/config/config.ts'
import { unknownError } from '../../../lib/util/errors.ts'
import { resourceTypes } from '../../../rehearsal/azure/providers.ts'
import {
  deleteResource,
  findResource,
  getAddress,
  putResource,
  view,
} from '../../../rehearsal/azure/resources.ts'
import { createEmptyWorld } from '../../support/emulatorFixtures.ts'
import { getFailure, loadTestConfig } from '../../support/helpers.ts'

/* A group's creation that nobody waits for in az: how it ended is read from ARM. */

const patience: Patience = { intervalMs: 1, timeoutMs: 500, silences: 2 }
const name = 'codex-api'
const type = 'Microsoft.ContainerInstance/containerGroups'
const body = {
  location: 'eastus',
  properties: {
    osType: 'Linux',
    restartPolicy: 'Always',
    containers: [
      {
        name,
        properties: {
          image: 'codexacr.azurecr.io/codex-backend:1',
          ports: [{ port: 5000 }],
          resources: { requests: { cpu: 1, memoryInGB: 2 } },
        },
      },
    ],
    ipAddress: { type: 'Public', dnsNameLabel: 'codex-api', ports: [{ port: 5000 }] },
  },
}

/** The rehearsal's ARM without its checks, which look for the image first. `apply` says how a creation ends. */
function cloud(apply?: () => Promise<void>) {
  const world = createEmptyWorld(
    resourceTypes.map((each) =>
      each.type === type
        ? { ...each, check() {}, ...(apply ? { apply } : {}), remove: async () => {} }
        : each,
    ),
  )
  const arm: Pick<Arm, 'get' | 'subscription'> = {
    subscription: async () => world.subscription.id,
    async get<Body>(path: string, query: Readonly<Record<string, string>>) {
      expect(query).toEqual({ 'api-version': '2023-05-01' })
      const found = findResource(world, path.replace(/resourceGroups\/[^/]+/, 'resourceGroups/rg'))
      return found && (view(world, found) as Body)
    },
  }
  return { world, arm, put: () => putResource(world, getAddress(world, 'rg', type, name), body) }
}

test('a group as az shows it, without the level of properties', async () => {
  const { arm, put, world } = cloud(async () => {})
  await put().operation?.done
  const config = await loadTestConfig()
  expect(groupId(config, world.subscription.id, name)).toContain(`/${type}/${name}`)
  expect(await readGroup(config, arm, name)).toMatchObject({
    name,
    provisioningState: 'Succeeded',
    ipAddress: { fqdn: 'codex-api.eastus.azurecontainer.io' },
    containers: [{ name, image: 'codexacr.azurecr.io/codex-backend:1', resources: { requests: { cpu: 1 } } }],
  })
  expect(await readGroup(config, arm, 'another')).toBeUndefined()
})

test('waits until a creation has ended, and until a deletion has', async () => {
  const steps: string[] = []
  const { world, arm, put } = cloud(async () => {
    await new Promise((resolve) => setTimeout(resolve, 50))
    steps.push('created')
  })
  const config = await loadTestConfig()
  const { resource } = put()
  await waitUntilProvisioned(config, arm, name, patience)
  steps.push('waited')
  void deleteResource(world, resource)
  await waitUntilGone(config, arm, name, patience)
  expect(steps).toEqual(['created', 'waited'])
  expect(findResource(world, resource.id)).toBeUndefined()
})

test('a creation that fails later: Azure’s reason, from the event of the group', async () => {
  const { world, arm, put } = cloud()
  world.faults.set('container-no-capacity', { name: 'container-no-capacity' })
  put()
  const failure = await getFailure(waitUntilProvisioned(await loadTestConfig(), arm, name, patience))
  const words = formatRefusal('containerNoCapacity', { location: 'eastus', cpu: 1, memoryGb: 2 })
  expect(failure).toMatchObject({
    what: 'Azure currently has no capacity for a container group of this size in eastus',
    said: `InsufficientCapacity: ${words}`,
    next: expect.stringContaining('BACKEND_CPU'),
    exitCode: 1,
  })
})

test('an image that cannot be pulled: what it means, with the words of Azure', async () => {
  const { arm, put } = cloud()
  put()
  const failure = await getFailure(waitUntilProvisioned(await loadTestConfig(), arm, name, patience))
  expect(failure).toMatchObject({
    what: 'Azure Container Instances cannot pull the image codexacr.azurecr.io/codex-backend:1',
    said: expect.stringMatching(/^InaccessibleImage: The image 'codexacr\.azurecr\.io\/codex-backend:1'/),
    next: expect.stringMatching(/^Run this command again: .*ACR_NAME/),
  })
})

test('the words of a failed probe are not taken for a lost connection to Azure', async () => {
  const events = [
    { type: 'Warning', name: 'Unhealthy', message: 'Readiness probe failed: dial tcp: connection refused' },
  ]
  const instanceView = { state: 'Failed', events }
  const arm: Pick<Arm, 'get' | 'subscription'> = {
    subscription: async () => 's',
    get: async <Body>() =>
      ({ name, properties: { provisioningState: 'Failed', containers: [], instanceView } }) as Body,
  }
  noteSubscription('s')
  const failure = await getFailure(waitUntilProvisioned(await loadTestConfig(), arm, name, patience))
  expect(failure).toMatchObject({
    what: 'Azure could not create codex-api',
    next: expect.stringContaining(
      'az container show --resource-group codexdominion-prod --name codex-api --subscription s   shows',
    ),
    exitCode: 1,
  })
})

const silence = unknownError('Azure cannot be reached from here')

test.each([
  [[silence, silence, 'Pending', silence, silence, 'Succeeded'], undefined],
  [[silence, silence, silence], 'Azure cannot be reached from here'],
  [[new Error('refused')], 'refused'],
  [[undefined], 'codex-api was deleted while Azure created it'],
  [['Unhealthy', 'Repairing', 'Canceled'], 'Azure could not create codex-api'],
  [Array(600).fill('Pending'), 'Azure did not finish codex-api within 0.5 s'],
])('silence is borne for a while, an end is not: %#', async (answers, words) => {
  let asked = 0
  const arm: Pick<Arm, 'get' | 'subscription'> = {
    subscription: async () => 's',
    async get<Body>() {
      const answer: unknown = answers[asked++]
      if (answer instanceof Error) throw answer
      return (
        answer === undefined ? undefined : { name, properties: { provisioningState: answer, containers: [] } }
      ) as Body | undefined
    },
  }
  const waiting = waitUntilProvisioned(await loadTestConfig(), arm, name, patience)
  if (words === undefined) expect(await waiting).toMatchObject({ name })
  else await expect(waiting).rejects.toThrow(words)
})

test('a container that keeps crashing while Azure still waits for it: its application is judged, restarts of before are not', async () => {
  const counts = [7, 0, 1, 2, 3, 4, 10]
  let asked = 0
  const arm: Pick<Arm, 'get' | 'subscription'> = {
    subscription: async () => 's',
    async get<Body>() {
      const instanceView = { restartCount: counts[asked++]! }
      const containers = [{ name, properties: { image: 'i', instanceView } }]
      return { name, properties: { provisioningState: 'Creating', containers } } as Body
    },
  }
  await waitUntilProvisioned(await loadTestConfig(), arm, name, patience)
  expect(asked).toBe(5)
})
