import { mkdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createAzure } from '../../../lib/azure/client.ts'
import type { Destination } from '../../../lib/azure/containers/actions.ts'
import { containerTasks } from '../../../lib/azure/containers/release.ts'
import { backendGroup, groupFile } from '../../../lib/azure/containers/spec.ts'
import { groupId, groupsId } from '../../../lib/azure/resources/containerGroups.ts'
import { getRememberedHost } from '../../../lib/config/backendHost.ts'
import type { HttpRequest } from '../../../lib/net/http.ts'
import type { Command } from '../../../lib/shell/command.ts'
import { performTask } from '../../../lib/tasks/engine.ts'
import { knowing, ok, type Task } from '../../../lib/tasks/task.ts'
import { checkContainerGroup } from '../../../rehearsal/azure/containerRules.ts'
import { resourceTypes } from '../../../rehearsal/azure/providers.ts'
import { answerRequest, createEmptyWorld } from '../../support/emulatorFixtures.ts'
import { findSecretFile, loadTestConfig, openRunner } from '../../support/helpers.ts'

/* The release that gives the backend of an older release its new name, against the rehearsal's ARM. */

const image = 'codexacr1216.azurecr.io/codex-backend:src-0123456789ab'
const keys = { POSTGRES_PASSWORD: 'Gr8-password', APP_SECRET_KEY: 'Gr8-app-key-of-tests' }

/** Containers without machines. The image is the only thing that need not exist. */
const types = resourceTypes.map((type) =>
  type.type === 'Microsoft.ContainerInstance/containerGroups'
    ? {
        ...type,
        check(request: Parameters<typeof checkContainerGroup>[0]) {
          try {
            checkContainerGroup(request)
          } catch (error) {
            if ((error as { code?: string }).code !== 'InaccessibleImage') throw error
          }
        },
        apply: async () => {},
        remove: async () => {},
      }
    : type,
)

/** A context whose az and ARM are the rehearsal, and a proxy in front of the backend. */
async function startCloud() {
  const world = createEmptyWorld(types)
  const settings = await loadTestConfig(...Object.entries(keys).map(([key, value]) => `${key}=${value}`))
  const { resourceGroup } = settings.azure
  mkdirSync(settings.stateDir, { recursive: true })
  world.groups.set(resourceGroup.toLowerCase(), {
    ...{ name: resourceGroup, location: 'eastus', tags: {}, deleting: false },
  })
  const { id } = world.subscription
  const ask = async (method: HttpRequest['method'], path: string, body?: string) => {
    const url = `https://management.azure.com${path}?api-version=2023-05-01`
    const answer = await answerRequest(world, { method, url, ...(body === undefined ? {} : { body }) })
    if (answer.status >= 400 && answer.status !== 404) throw new Error(answer.body)
    return JSON.parse(answer.body || 'null')
  }
  const groups = async () => {
    const { value } = await ask('GET', groupsId(settings, id))
    // As az prints them.
    return value.map(
      ({
        name,
        tags,
        properties,
      }: {
        name: string
        tags: object
        properties: { containers: { name: string; properties: object }[] }
      }) => ({
        ...{ name, tags, ...properties },
        containers: properties.containers.map((each) => ({ name: each.name, ...each.properties })),
      }),
    )
  }
  const findByHost = async (host: string) =>
    (await groups()).find((each: { ipAddress?: { fqdn?: string } }) => each.ipAddress?.fqdn === host)?.name

  const routes: string[] = []
  let target = ''
  const changes: string[] = []
  async function change(method: 'PUT' | 'DELETE', name: string, body?: string) {
    expect(await findByHost(target), `${method} of ${name} while it serves`).not.toBe(name)
    changes.push(`${method} ${name}`)
    return ask(method, groupId(settings, id, name), body)
  }
  async function az({ argv }: Command): Promise<unknown> {
    const line = argv.filter((word) => typeof word === 'string').join(' ')
    if (/account show/.test(line)) return { id, name: 'Codex', tenantId: 'tenant' }
    if (/get-access-token/.test(line)) return { accessToken: 'token-of-this-test', subscription: id }
    if (/listKeys/.test(line)) return { primaryKey: 'redis-key-of-this-test' }
    if (/acr credential show/.test(line)) return { username: 'codex', passwords: [{ value: 'acr-password' }] }
    if (/container list/.test(line)) return groups()
    if (/container create/.test(line)) {
      const { content } = findSecretFile(argv)
      return change('PUT', JSON.parse(content).name, content)
    }
    const [, name] = /rest --method delete .*containerGroups\/([\w-]+)/.exec(line) ?? []
    if (name) return change('DELETE', name)
    throw new Error(`unexpected: ${line}`)
  }
  const run = async (command: Command) => ({
    ...{ code: 0, stderr: '', timedOut: false },
    stdout: JSON.stringify(await az(command)),
  })
  async function request({ url, method }: HttpRequest) {
    const { host, hostname } = new URL(url)
    if (host === 'management.azure.com') return answerRequest(world, { method, url })
    if (!(await findByHost(hostname))) throw new Error(`getaddrinfo ENOTFOUND ${hostname}`)
    return { status: 200, headers: {}, body: '{}', phases: { total: 1 } }
  }
  const runner = { ...openRunner(), run, runPrivately: run, request }
  const proxy = {
    target: async () => target,
    linesTo: async () => [],
    async switchTo({ group, host }: Destination) {
      expect(await findByHost(host), `nginx is sent to ${host}`).toBe(group)
      target = host
      routes.push(host)
    },
    health: () => Promise.reject(new Error('the backend answers here')),
  }
  return {
    ...{ context: { config: settings, runner }, proxy, routes, changes, ask: change, groups },
    start: (host: string) => {
      target = host
    },
  }
}

test('an older deployment: each group serves under a name of its tenant before the one that served is deleted', async () => {
  const { context, proxy, routes, changes, ask, groups, start } = await startCloud()
  const secrets = {
    // As before the application had its own login.
    database: { user: 'codexadmin', password: keys.POSTGRES_PASSWORD },
    ...{ appSecretKey: keys.APP_SECRET_KEY, redisKey: 'k' },
    registry: { username: 'codex', password: 'acr-password' },
  }
  const old = JSON.parse(groupFile(context.config, backendGroup(context.config, image), secrets))
  delete old.properties.ipAddress.autoGeneratedDomainNameLabelScope
  await ask('PUT', old.name, JSON.stringify(old))
  start('codex-api.eastus.azurecontainer.io')
  changes.length = 0

  const chosen: Task<{ image: string }> = {
    ...{ id: 'image', title: 'Image', part: 'azure' },
    inspect: async () => ok(image),
  }
  const release = () => {
    const [backend] = containerTasks(context, createAzure(context), { image: chosen, proxy })
    return performTask(backend, context.runner, () => {}, knowing(chosen, { image }))
  }
  expect(await release()).toBe(true)
  expect(changes).toEqual([
    ...['PUT codex-backend-next', 'DELETE codex-backend', 'PUT codex-backend', 'DELETE codex-backend-next'],
  ])
  expect(routes).toEqual([
    expect.stringMatching(/^codex-api-next\.[0-9a-f]{16}\.eastus\.azurecontainer\.io$/),
    expect.stringMatching(/^codex-api\.[0-9a-f]{16}\.eastus\.azurecontainer\.io$/),
  ])
  expect(getRememberedHost(context.config)).toBe(routes[1])
  expect(await groups()).toMatchObject([
    { name: 'codex-backend', ipAddress: { autoGeneratedDomainNameLabelScope: 'TenantReuse' } },
  ])
  expect(await release(), 'nothing is left to do').toBe(false)
})
