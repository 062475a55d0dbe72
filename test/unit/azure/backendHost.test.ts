import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createAzure } from '../../../lib/azure/client.ts'
import { type BackendProxy, createExecutor } from '../../../lib/azure/containers/actions.ts'
import { containerTasks } from '../../../lib/azure/containers/release.ts'
import { backendGroup, hashConfiguration } from '../../../lib/azure/containers/spec.ts'
import type { ContainerGroup } from '../../../lib/azure/resources/containerGroups.ts'
import { getApplicationLogin } from '../../../lib/config/applicationLogin.ts'
import { askForBackendHost, findBackendHost, getRememberedHost } from '../../../lib/config/backendHost.ts'
import type { Config } from '../../../lib/config/config.ts'
import { display } from '../../../lib/shell/command.ts'
import { knowing, ok, type Task } from '../../../lib/tasks/task.ts'
import { unknownError } from '../../../lib/util/errors.ts'
import { getFqdn } from '../../../rehearsal/azure/containerHost.ts'
import type { Resource } from '../../../rehearsal/azure/world.ts'
import { createEmptyWorld } from '../../support/emulatorFixtures.ts'
import { fakeAz } from '../../support/fakeAz.ts'
import { backendHost, getFailure, loadTestConfig, withBackendHost } from '../../support/helpers.ts'
import { createTask } from '../../support/tasks.ts'

const account = { match: /^account show/, stdout: '{"id":"s","name":"Codex","tenantId":"t"}' }
const list = (groups: unknown[]) => ({ match: /^container list/, stdout: JSON.stringify(groups) })
const named = (fqdn: string) => ({ name: 'codex-backend', ipAddress: { fqdn }, containers: [] })
const nobody = { groups: () => Promise.reject(new Error('Azure was asked')) }

test('the host that Azure shows is remembered, so that nothing asks Azure for it again', async () => {
  const { context, asked } = await fakeAz(account, list([named(backendHost)]))
  const config = withBackendHost(context.config, 'codex-api.eastus.azurecontainer.io')
  await createAzure(context).groups()
  expect(getRememberedHost(config)).toBe(backendHost)
  expect(await findBackendHost(config, nobody)).toBe(backendHost)
  expect(asked()).toHaveLength(2)
})

test('a machine that has never seen the backend asks Azure, if it may', async () => {
  const { context } = await fakeAz(account, list([]))
  expect(await findBackendHost(context.config, createAzure(context)), 'no backend').toBeUndefined()
  await expect(findBackendHost(context.config, nobody)).rejects.toThrow('Azure was asked')
})

test('where the state folder cannot be written, this process still knows what Azure showed', async () => {
  const { context } = await fakeAz(account, list([named(backendHost)]))
  const { config } = context
  writeFileSync(path.dirname(config.stateDir), 'a file in the place of the folder')
  expect(await findBackendHost(config, createAzure(context))).toBe(backendHost)
  expect(getRememberedHost(config)).toBe(backendHost)
})

/** Stores fields as another process would. */
function store({ stateDir, azure }: Config, fields: string): void {
  mkdirSync(stateDir, { recursive: true })
  const text = `{"resourceGroup":"${azure.resourceGroup}",${fields}}`
  writeFileSync(path.join(stateDir, 'backend-host.json'), text)
}

test.each(['"a b"', '"x/../y@z:p"', '7', 'null', '{}'])('a stored %s is no host name', async (host) => {
  const config = await loadTestConfig()
  store(config, `"subscription":"s","configured":"","host":${host}`)
  expect(getRememberedHost(config)).toBeUndefined()
})

test('what another process stored is read, except from a file without a subscription', async () => {
  const config = await loadTestConfig()
  store(config, `"host":"${backendHost}"`)
  expect(getRememberedHost(config)).toBeUndefined()
  store(config, `"subscription":"s","configured":"","host":"${backendHost}"`)
  expect(getRememberedHost(config)).toBe(backendHost)
})

test('another resource group or subscription has another backend', async () => {
  const config = withBackendHost(await loadTestConfig())
  const seen = (azure: Partial<Config['azure']>) =>
    getRememberedHost({ ...config, azure: { ...config.azure, ...azure } })
  expect(seen({})).toBe(backendHost)
  expect(seen({ resourceGroup: 'codex-other' })).toBeUndefined()
  expect(seen({ subscription: 's' }), 'the id that was the default').toBe(backendHost)
  expect(seen({ subscription: 'codex-other' })).toBeUndefined()
})

test('with an empty AZURE_SUBSCRIPTION, the one that az names decides', async () => {
  const { context } = await fakeAz({ ...account, stdout: '{"id":"other","name":"Other"}' }, list([]))
  const config = withBackendHost(context.config)
  expect(getRememberedHost(config)).toBe(backendHost)
  expect(await askForBackendHost(config, createAzure(context)), 'no backend in this one').toBeUndefined()
  expect(getRememberedHost(config)).toBeUndefined()
})

const image = 'codexacr1216.azurecr.io/codex-backend:src-0123456789ab'
const oldHost = 'codex-api.eastus.azurecontainer.io'
const surgeHost = backendHost.replace('codex-api', 'codex-api-next')

/** The plan of the backend when Azure has this group and nginx sends requests to this host, or does not answer. */
async function plan(
  change: Partial<ContainerGroup['ipAddress']> | undefined,
  target: string | Error | undefined,
  wantedImage = image,
  isNginxNew = false,
  surgeImage?: string,
) {
  const { context } = await fakeAz(account)
  const { config } = context
  const wanted = backendGroup(config, image)
  const login = await getApplicationLogin(config, context.runner)
  const configuration = hashConfiguration(config, wanted, login, 'Gr8-app-key-of-tests')
  const group = {
    ...{ name: wanted.name, restartPolicy: 'Always', osType: 'Linux', tags: { configuration } },
    containers: [{ name: wanted.name, image, resources: { requests: { cpu: 2, memoryInGb: 4 } } }],
    ipAddress: {
      ...{ dnsNameLabel: 'codex-api', autoGeneratedDomainNameLabelScope: 'TenantReuse', fqdn: backendHost },
      ...change,
    },
  }
  const surge = {
    ...{ ...group, name: 'codex-backend-next', ipAddress: { ...group.ipAddress, fqdn: surgeHost } },
    containers: [{ ...group.containers[0]!, image: surgeImage ?? '' }],
  }
  const groups = [...(change ? [group] : []), ...(surgeImage ? [surge] : [])]
  const azure = { ...createAzure(context), groups: async () => groups }
  const chosen: Task<{ image: string }> = {
    ...{ id: 'image', title: 'Image', part: 'azure' },
    inspect: async () => ok(image),
  }
  const hosts: (string | undefined)[] = []
  const proxy = {
    async target() {
      if (target instanceof Error) throw target
      return target
    },
    async linesTo(host: string | undefined) {
      hosts.push(host)
      return []
    },
    switchTo: () => Promise.reject(new Error('a plan switches nothing')),
    health: () => Promise.reject(new Error('a plan waits for nothing')),
  }
  const nginx = [createTask('nginx-http'), createTask('nginx-https')]
  const [backend] = containerTasks(context, azure, { image: chosen, proxy, nginx })
  const found = await backend.inspect({
    ...knowing(chosen, { image: wantedImage }),
    // With a certificate, the first one activates the whole site.
    willChange: (task) => isNginxNew && task === nginx[0],
  })
  const lines =
    'effects' in found ? found.effects!.map((effect) => ('argv' in effect ? display(effect) : '')) : []
  return {
    what: 'what' in found ? found.what : found.state,
    steps: lines.map((line) =>
      / (create|delete) .*?(codex-backend(?:-next)?)/.exec(line)?.slice(1).join(' '),
    ),
    hosts,
  }
}

test('nginx sends requests to the name that Azure shows: nothing to do', async () => {
  expect(await plan({}, backendHost)).toEqual({ what: 'ok', steps: [], hosts: [] })
})

test('a group without the scope is created again; the next names are unknown until Azure has chosen them', async () => {
  const { what, steps, hosts } = await plan(
    { autoGeneratedDomainNameLabelScope: 'Unsecure', fqdn: oldHost },
    oldHost,
  )
  expect(what).toMatch(/delete and create again .*; nginx is switched to it and back/)
  expect(steps).toEqual([
    ...[
      'create codex-backend-next',
      'delete codex-backend',
      'create codex-backend',
      'delete codex-backend-next',
    ],
  ])
  expect(hosts).toEqual([undefined, undefined])
})

test('without an answer of the VPS, a release continues unless nginx must follow the backend to another name', async () => {
  const silent = unknownError('the VPS does not answer')
  const { what } = await plan({}, silent, `${image}-new`)
  expect(what).toContain('requests may fail meanwhile because there is no nginx to switch')
  const old = { autoGeneratedDomainNameLabelScope: 'Unsecure', fqdn: oldHost }
  const refused = await getFailure(plan(old, silent))
  expect(refused).toMatchObject({ what: expect.stringContaining('nginx cannot be switched'), exitCode: 3 })
  expect(refused.next).toContain('az container delete --resource-group')
  const relabelled = await getFailure(plan({ dnsNameLabel: 'codex-before' }, silent))
  expect(relabelled.what).toBe(refused.what)
  expect((await plan(old, undefined)).hosts, 'an answer that there is no nginx').toEqual([])
})

test('an nginx that sends requests elsewhere is switched to the backend', async () => {
  const { what, hosts } = await plan({}, 'backend.invalid')
  expect(what).toContain('nginx is switched to it')
  expect(hosts).toEqual([backendHost])
  expect((await plan({}, undefined)).what, 'no nginx').toBe('ok')
})

test('a new server with a certificate: the plan counts on the nginx that this run configures', async () => {
  const { what, hosts } = await plan({}, undefined, `${image}-new`, true)
  expect(what).toContain('in parallel; nginx is switched to it and back')
  expect(hosts, 'the surge group and back').toEqual([undefined, backendHost])
  expect((await plan({}, undefined, image, true)).what, 'it has the host that Azure shows').toBe('ok')
  const first = await plan(undefined, undefined, image, true)
  expect(first.what).toContain('nginx is switched to the host that Azure names')
})

test('a switch that was cut off between two servers: the surge group that one of them uses is not changed', async () => {
  const split = `${surgeHost}, ${backendHost}`
  const refused = await getFailure(plan({}, split, `${image}-newer`, false, `${image}-new`))
  expect(refused).toMatchObject({
    what: expect.stringContaining('codex-backend-next, which some of them use, would be changed'),
    said: `nginx sends /api/ to ${split}`,
    next: expect.stringMatching(/rollback backend --to src-0123456789ab-new$/),
  })
  const again = plan({}, `other.example, ${backendHost}`, `${image}-newer`, false, `${image}-new`)
  expect((await again).steps, 'no server uses it').toContain('create codex-backend-next')
})

test('the first release: the plan says that Azure names the host', async () => {
  const { what, hosts } = await plan(undefined, 'backend.invalid')
  expect(what).toContain('nginx is switched to the host that Azure names')
  expect(hosts).toEqual([undefined])
})

test('a group that crashes before Azure shows its host: the failure is its log, not the missing name', async () => {
  const view = { restartCount: 4, currentState: { state: 'Waiting', detailStatus: 'CrashLoopBackOff' } }
  const crashing = { name: 'codex-backend', containers: [{ name: 'codex-backend', instanceView: view }] }
  const { context } = await fakeAz(
    ...[
      account,
      { match: /^account get-access-token/, stdout: '{"accessToken":"token","subscription":"s"}' },
    ],
    { match: /^container show/, stdout: JSON.stringify(crashing) },
    { match: /^container logs/, stdout: 'SECRET_KEY is missing' },
  )
  const properties = { provisioningState: 'Succeeded', ipAddress: {}, containers: [] }
  const body = JSON.stringify({ name: 'codex-backend', properties })
  const request = async () => ({ status: 200, headers: {}, body, phases: { total: 1 } })
  const seen = { ...context, runner: { ...context.runner, request } }
  const { run } = createExecutor(seen, createAzure(seen), {} as BackendProxy)
  const failure = await getFailure(run({ do: 'wait', group: backendGroup(context.config, image) }, () => {}))
  expect(failure).toMatchObject({
    ...{ what: expect.stringContaining('keeps crashing'), said: 'SECRET_KEY is missing', application: true },
  })
})

test('the rehearsal names a host as Azure does: a hash of label and tenant for the scope, none without it', () => {
  const world = createEmptyWorld()
  const name = (dnsNameLabel: string, scope?: string, group = 'rg') =>
    getFqdn(world, {
      group,
      wanted: {
        location: 'eastus',
        properties: { ipAddress: { dnsNameLabel, autoGeneratedDomainNameLabelScope: scope } },
      },
    } as unknown as Resource)
  expect(name('codex-api')).toBe('codex-api.eastus.azurecontainer.io')
  expect(name('codex-api', 'Unsecure')).toBe('codex-api.eastus.azurecontainer.io')
  const scoped = name('codex-api', 'TenantReuse')
  expect(scoped).toMatch(/^codex-api\.[0-9a-f]{16}\.eastus\.azurecontainer\.io$/)
  expect(name('codex-api', 'TenantReuse', 'other')).toBe(scoped)
  expect(name('codex-api', 'ResourceGroupReuse', 'other')).not.toBe(name('codex-api', 'ResourceGroupReuse'))
  expect(name('codex-api-next', 'TenantReuse')?.split('.')[1]).not.toBe(scoped?.split('.')[1])
  world.subscription.tenant = 'stranger'
  expect(name('codex-api', 'TenantReuse'), 'a stranger gets another name').not.toBe(scoped)
})
