import { expect, test } from 'vitest'
import { createAzure } from '../../../lib/azure/client.ts'
import { preflightTask } from '../../../lib/azure/preflight.ts'
import type { HttpRequest, HttpResponse } from '../../../lib/net/http.ts'
import { nothingAhead } from '../../../lib/tasks/task.ts'
import { resourceTypes } from '../../../rehearsal/azure/providers.ts'
import { getAddress, putResource } from '../../../rehearsal/azure/resources.ts'
import type { World } from '../../../rehearsal/azure/world.ts'
import { answerRequest, createEmptyWorld } from '../../support/emulatorFixtures.ts'
import { type Answer, fakeAz } from '../../support/fakeAz.ts'
import { getFailure, loadTestConfig } from '../../support/helpers.ts'
import { createTask } from '../../support/tasks.ts'

/* Before anything is created, the rehearsal's Azure is asked whether it would refuse it. */

const subscription = '00000000-0000-0000-0000-000000000001'
const secrets = ['POSTGRES_PASSWORD=Good-Horse-9-battery', 'APP_SECRET_KEY=Gr8-app-key-of-tests']
const nothing: Answer[] = [
  { match: /^account show/, stdout: JSON.stringify({ id: subscription, name: 'Codex' }) },
  { match: /^account get-access-token/, stdout: JSON.stringify({ accessToken: 'token', subscription }) },
  { match: /^(deployment group|group) show/, code: 3 },
  { match: /^container list/, code: 3 },
]

interface Options {
  lines?: string[]
  containers?: boolean
  answers?: Answer[]
  respond?: (request: HttpRequest) => Promise<HttpResponse | undefined>
}

async function inspect(
  world: World,
  { lines = [], containers = true, answers = nothing, respond = async () => undefined }: Options = {},
) {
  const { context, asked } = await fakeAz(...answers)
  const requests: string[] = []
  const request = async (one: HttpRequest) => {
    requests.push(`${one.method} ${new URL(one.url).pathname}`)
    expect(one.effect).toBe('read')
    return (await respond(one)) ?? answerRequest(world, one)
  }
  const scripted = {
    config: await loadTestConfig(...secrets, ...lines),
    runner: { ...context.runner, request },
  }
  const task = preflightTask(scripted, createAzure(scripted), {
    login: createTask('azure-login'),
    containers,
  })
  return { inspection: task.inspect(nothingAhead), asked, requests }
}

const refuse = async (world: World, options?: Options) =>
  getFailure((await inspect(world, options)).inspection)
const allow = async (world: World, options?: Options) => {
  const found = await (await inspect(world, options)).inspection
  return found.state === 'ok' ? found.reason : found.state
}

function worldWith(name?: string, more: object = {}): World {
  const idle = resourceTypes.map((type) => ({ ...type, apply: async () => {} }))
  const world = createEmptyWorld(idle)
  world.faults.clear()
  if (name) world.faults.set(name, { name, ...more })
  return world
}

test('an open region: the plan says what was asked, and what only the attempt will show', async () => {
  const world = worldWith()
  expect(await allow(world)).toBe(
    'Azure allows Container registry, PostgreSQL server, Redis, Containers in eastus; only the attempt will show whether Azure has capacity for Redis and whether the DNS label codex-api is free',
  )
  expect(world.judge.verdict.findings).toEqual([])
})

test('where everything exists or is about to, nothing is asked, not even for a token', async () => {
  const resource = { name: 'x', location: 'eastus', properties: {} }
  const existing: Answer[] = [
    ...nothing.slice(0, 2),
    {
      match: /^deployment group show/,
      stdout: JSON.stringify({ properties: { provisioningState: 'Succeeded' } }),
    },
    {
      match: /^resource show --ids \S+registries/,
      stdout: JSON.stringify([resource, resource, resource, resource, resource]),
    },
    { match: /^resource show --ids \S+redisEnterprise/, stdout: JSON.stringify([resource, resource]) },
    {
      match: /^container list/,
      stdout: JSON.stringify(['codex-backend', 'codex-worker'].map((name) => ({ name, containers: [] }))),
    },
  ]
  const { inspection, asked, requests } = await inspect(worldWith(), { answers: existing })
  expect(await inspection).toEqual({ state: 'ok', reason: 'nothing needs to be created' })
  expect(requests).toEqual([])
  expect(asked().some((line) => line.includes('get-access-token'))).toBe(false)
})

test('a region closed to PostgreSQL: refused, with near regions that take it and the key to set', async () => {
  const world = worldWith('postgres-location-restricted', { location: 'eastus' })
  const { what, next } = await refuse(world)
  expect(what).toBe(
    'Azure would refuse this, so nothing was created: This subscription may not create PostgreSQL servers in eastus',
  )
  expect(next).toBe(
    'Set POSTGRES_LOCATION in .env to a region that allows it: centralus, eastus2, northcentralus, southcentralus, westcentralus. Or ask Microsoft to enable this one: https://aka.ms/postgres-request-quota-increase',
  )
  expect(world.judge.verdict.findings).toEqual([])
})

test('regions that Azure does not allow at all: one key moves what follows it, to a region that is allowed', async () => {
  const world = worldWith('region-disallowed', { allowed: ['westus3', 'polandcentral'] })
  const { what, next } = await refuse(world)
  expect(what).toMatch(
    /: Azure does not allow this subscription to deploy in eastus \(policy assignment [^;]*$/,
  )
  expect(next).toBe(
    'Set AZURE_LOCATION in .env to a region that allows it: westus3, polandcentral; POSTGRES_LOCATION and REDIS_LOCATION follow it unless they are set, and what exists already cannot move.',
  )
  expect(await allow(world, { lines: ['AZURE_LOCATION=westus3'] })).toContain('in westus3')
  const other = await refuse(world, { lines: ['AZURE_LOCATION=westus3', 'REDIS_LOCATION=uksouth'] })
  expect(other.next).toMatch(
    /^Set REDIS_LOCATION in .env to a region that allows it: westus3, polandcentral\.$/,
  )
  expect(world.judge.verdict.findings).toEqual([])
})

test('no region takes it: says so without naming one', async () => {
  const { next } = await refuse(worldWith('postgres-location-restricted'))
  expect(next).toMatch(/^Set POSTGRES_LOCATION in \.env to another region\./)
})

test('a type that Azure does not offer in the region: only regions that have it are named', async () => {
  const world = worldWith('type-not-offered', { type: 'Microsoft.Cache/redisEnterprise', location: 'eastus' })
  const { what, next } = await refuse(world, { containers: false })
  expect(what).toContain('Azure does not offer Microsoft.Cache/redisEnterprise in eastus')
  expect(next).toMatch(/^Set REDIS_LOCATION in \.env to a region that allows it: centralus, /)
})

test('names that are taken: refused with the key of each', async () => {
  const world = worldWith('server-name-taken', { server: 'codexdominion-db' })
  world.groups.set('other', { name: 'other', location: 'eastus', tags: {}, deleting: false })
  const registry = getAddress(world, 'other', 'Microsoft.ContainerRegistry/registries', 'CodexAcr1216')
  await putResource(world, registry, { location: 'eastus', sku: { name: 'Basic' } }).operation?.done
  const { what, next } = await refuse(world, { containers: false })
  expect(what).toMatch(
    /Container registry: the name codexacr1216 is taken .*; PostgreSQL server: the name codexdominion-db is taken/,
  )
  expect(next).toMatch(
    /Set ACR_NAME in \.env to another name\. Set POSTGRES_SERVER in \.env to .*in a few days\./,
  )
  expect(world.judge.verdict.findings).toEqual([])
})

test('a provider that is not registered, and too few cores: refused with what to do; provision asks for no cores', async () => {
  const world = worldWith('few-cores', { cores: 2 })
  expect(await allow(world, { containers: false })).toMatch(/^Azure allows [^C]*Container registry[^C]*$/)
  const { what, next } = await refuse(world)
  expect(what).toContain('cores for containers: 2 of 2 available; 3 needed, 5 during a release')
  expect(next).toMatch(/Quotas, Container Instances/)
  world.faults.clear()
  world.providers.set('Microsoft.Cache', 'NotRegistered')
  const { next: command } = await refuse(world)
  expect(command).toMatch(/az provider register --namespace Microsoft\.Cache --wait --subscription \S+$/)
})

test('too few vCores for PostgreSQL: refused with the quota and what to do', async () => {
  const world = worldWith('few-vcores', { cores: 3 })
  const sku = 'POSTGRES_SKU=Standard_D4ds_v5'
  const { what, next } = await refuse(world, { containers: false, lines: [sku] })
  expect(what).toContain(
    'The quota cores of PostgreSQL in eastus leaves 3 of 3 vCores; Standard_D4ds_v5 needs 4',
  )
  expect(next).toMatch(/set a smaller POSTGRES_SKU .*aka\.ms\/postgres-request-quota-increase/)
  expect(await allow(world, { containers: false })).toMatch(/^Azure allows /)
  expect(world.judge.verdict.findings).toEqual([])
})

test('a login with rights on the resource group only may go on, and a warning says what was not checked', async () => {
  const said = await allow(worldWith('few-rights'), { lines: ['AZURE_RESOURCE_GROUP=rg'] })
  expect(said).toMatch(/^Could not ask Azure about the registered providers: .*AuthorizationFailed/)
  expect(said).toContain('Could not ask Azure about the name codexdominion-db: ')
  expect(said).not.toContain('Azure allows')
})

test('what cannot be read is said, and does not end the run', async () => {
  const error = { code: 'AuthorizationFailed', message: 'The client does not have authorization.' }
  const respond = async ({ url }: HttpRequest) =>
    /policyAssignments|capabilities|checkNameAvailability/.test(url)
      ? { status: 403, headers: {}, body: JSON.stringify({ error }), phases: { total: 1 } }
      : undefined
  const said = await allow(worldWith(), { respond })
  expect(said).toMatch(/^Could not ask Azure about the regions of this subscription: .*AuthorizationFailed/)
  expect(said).toMatch(/Could not ask Azure about PostgreSQL server in eastus: .*the name codexacr1216: /)
  expect(said).not.toContain('Azure allows')
})

test('a region whose answer is missing is not proposed', async () => {
  const respond = async ({ url }: HttpRequest) =>
    /locations\/(?!eastus\/|uksouth)\w+\/capabilities/.test(url)
      ? { status: 503, headers: {}, body: '', phases: { total: 1 } }
      : undefined
  const { next } = await refuse(worldWith('postgres-location-restricted', { location: 'eastus' }), {
    respond,
  })
  expect(next).toMatch(/a region that allows it: uksouth\./)
})

test('a weak secret is refused for a new server and a new backend, before Azure is asked', async () => {
  const weak = ['POSTGRES_PASSWORD=Password1', `APP_SECRET_KEY=${'a'.repeat(16)}`]
  const { inspection, requests } = await inspect(worldWith(), { lines: weak })
  expect((await getFailure(inspection)).what).toMatch(
    /^POSTGRES_PASSWORD is too easy to guess: .*; APP_SECRET_KEY is too easy to guess: /,
  )
  expect(requests).toEqual([])
  const { what } = await refuse(worldWith(), { lines: weak, containers: false })
  expect(what).not.toContain('APP_SECRET_KEY')
})
