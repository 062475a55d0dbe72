import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { planDeployment } from '../../../rehearsal/azure/deploymentPlan.ts'
import { resourceTypes } from '../../../rehearsal/azure/providers.ts'
import { getAddress, putResource, view } from '../../../rehearsal/azure/resources.ts'
import wanted from '../../../rehearsal/judge/differences.json' with { type: 'json' }
import { Judge } from '../../../rehearsal/judge/judge.ts'
import { createRoutes, findRoute, getPrefix, listModels } from '../../../rehearsal/judge/routes.ts'
import { createEmptyWorld } from '../../support/emulatorFixtures.ts'

const rg = '/subscriptions/s/resourceGroups/rg'
const database = `${rg}/providers/Microsoft.Cache/redisEnterprise/codexredis/databases/default`
const registry = `${rg}/providers/Microsoft.ContainerRegistry/registries/codexregistry`
const kinds = (judge: Judge) => judge.verdict.findings.map(({ side, at, what }) => `${side} ${at} ${what}`)

test.each([
  [{ properties: { port: 10000, clusteringPolicy: 'NoCluster' } }, []],
  [{ properties: { evictionPolicy: null } }, []],
  [{ properties: { sharding: true } }, ['request /properties/sharding unknown']],
  [{ properties: { resourceState: 'Running' } }, ['request /properties/resourceState read-only']],
  [{ properties: { clusteringPolicy: 'None' } }, ['request /properties/clusteringPolicy no such value']],
  [{ properties: { port: '10000' } }, ['request /properties/port type']],
  [{ properties: { modules: [{ args: '' }] } }, ['request /properties/modules/*/name missing']],
])('a request with %j', (request, expected) => {
  const judge = new Judge(resourceTypes)
  judge.see({ method: 'PUT', path: database, request, status: 202 })
  expect(kinds(judge)).toEqual(expected)
  expect(judge.verdict).toMatchObject({ requests: 1, answers: 1 })
})

test.each([
  [registry, { tags: { a: 'b' } }, []],
  [registry, { location: 'eastus' }, ['request /location unknown']],
  [`${rg}/providers/Microsoft.Cache/redisEnterprise/codexredis`, { sku: { name: 'Balanced_B1' } }, []],
  [
    `${rg}/providers/Microsoft.DBforPostgreSQL/flexibleServers/db/configurations/c`,
    { properties: { value: '1' } },
    [],
  ],
  [
    `${rg}/providers/Microsoft.ContainerInstance/containerGroups/codex`,
    { properties: {} },
    ['request /properties unknown'],
  ],
])('PATCH %s with %j is judged by the model of a change', (path, request, expected) => {
  const judge = new Judge(resourceTypes)
  judge.see({ method: 'PATCH', path, request, status: 200 })
  expect(kinds(judge)).toEqual(expected)
})

test('an answer may show what is read-only, but nothing that the model does not know', () => {
  const judge = new Judge(resourceTypes)
  const answer = {
    location: 'eastus',
    sku: { name: 'Basic', tier: 'Basic' },
    properties: { loginServer: 'x' },
  }
  judge.see({ method: 'GET', path: registry, status: 200, answer })
  expect(kinds(judge)).toEqual([])
  judge.see({ method: 'GET', path: registry, status: 200, answer: { ...answer, colour: 'red' } })
  judge.see({ method: 'GET', path: registry, status: 200, answer: { ...answer, colour: 'blue' } })
  expect(judge.verdict.findings).toEqual([
    {
      side: 'answer',
      model: 'containerregistry.Registry',
      at: '/colour',
      what: 'unknown',
      seenAt: `GET ${registry}`,
      times: 2,
    },
  ])
  expect(JSON.stringify(judge.verdict), 'no values').not.toMatch(/red|blue/)
})

test('a build is judged by its kind', () => {
  const judge = new Judge(resourceTypes)
  const request = { type: 'DockerBuildRequest', platform: { os: 'Linux' }, timeout: 10 }
  judge.see({ method: 'POST', path: `${registry}/scheduleRun`, request, status: 200 })
  expect(kinds(judge)).toEqual(['request /dockerFilePath missing', 'request /timeout limit'])
})

test('a refusal has the form of an error, and what it refuses is not judged', () => {
  const judge = new Judge(resourceTypes)
  const error = { code: 'BadRequest', message: 'No.' }
  judge.see({ method: 'PUT', path: database, request: { colour: 1 }, status: 400, answer: { error } })
  expect(kinds(judge)).toEqual([])
  judge.see({ method: 'GET', path: database, status: 404, answer: error })
  expect(kinds(judge)).toContain('answer /error missing')
})

test('an address that no model describes is a finding; polls of operations are counted', () => {
  const judge = new Judge(resourceTypes)
  judge.see({
    method: 'GET',
    path: '/subscriptions/s/providers/Microsoft.Web/sites',
    status: 200,
    answer: {},
  })
  expect(judge.verdict.findings).toMatchObject([{ what: 'no model' }])
  judge.see({
    method: 'GET',
    path: '/subscriptions/s/providers/Microsoft.Resources/operations/1',
    status: 200,
  })
  expect(judge.verdict).toMatchObject({ requests: 1, withoutModel: 1 })
})

const template = JSON.parse(readFileSync('infra/data-tier.json', 'utf8'))
const samples: Record<string, unknown> = {
  int: 32,
  string: 'eastus',
  secureString: 'Secret-1234',
  object: {},
}
const named: Record<string, unknown> = {
  postgresVersion: '16',
  postgresSku: 'Standard_B1ms',
  postgresCreateMode: 'Default',
  redisKind: 'managed',
  redisSku: 'Balanced_B0',
  operatorAddress: '192.0.2.1',
}

test.each(['managed', 'classic'])(
  'our template with %s Redis, and what the emulator shows of it',
  async (redisKind) => {
    const idle = resourceTypes.map((type) => ({ ...type, apply: async () => {} }))
    const world = createEmptyWorld(idle)
    world.faults.clear()
    const parameters = Object.fromEntries(
      Object.entries<{ type: string; defaultValue?: unknown; allowedValues?: unknown[] }>(template.parameters)
        .filter(([, { defaultValue }]) => defaultValue === undefined)
        .map(([name, { type, allowedValues = [] }]) => {
          const value = { ...named, redisKind }[name] ?? allowedValues[0] ?? samples[type]
          return [name, { value }]
        }),
    )
    const plan = planDeployment(world, world.groups.get('rg')!, { template, parameters })
    expect(plan.resources.length).toBeGreaterThan(4)
    for (const planned of plan.resources) {
      const request = planned.body
      const { resource, operation } = putResource(world, planned.address, request)
      world.judge.see({
        method: 'PUT',
        path: planned.address.id,
        request,
        status: 201,
        answer: view(world, resource),
      })
      await operation.done
      world.judge.see({ method: 'GET', path: planned.address.id, status: 200, answer: view(world, resource) })
    }
    expect(world.judge.verdict.findings).toEqual([])
  },
)

test('each wanted difference says why, once', () => {
  const { differences } = wanted
  const keys = differences.map(({ side, model, at, what }) => `${side} ${model} ${at} ${what}`)
  expect(new Set(keys).size).toBe(keys.length)
  for (const { why } of differences) expect(why.length).toBeGreaterThan(20)
})

test.each(['Microsoft.Insights/metrics', 'Microsoft.Authorization/permissions'])(
  '%s of any resource have a model',
  (path) => {
    const judge = new Judge(resourceTypes)
    judge.see({ method: 'GET', path: `${registry}/providers/${path}`, status: 200, answer: { colour: 1 } })
    expect(kinds(judge)).toContain('answer /colour unknown')
  },
)

const locations = '/subscriptions/s/providers/Microsoft.DBforPostgreSQL/locations/eastus'
test.each([
  `${locations}/azureAsyncOperation/1`,
  `${locations}/operationResults/1`,
  '/subscriptions/s/providers/Microsoft.Cache/locations/eastus/operationsStatus/1',
  '/subscriptions/s/providers/Microsoft.ContainerInstance/locations/eastus/operations/1',
  `${rg}/providers/Microsoft.Resources/deployments/d/operationStatuses/1`,
  '/subscriptions/s/operationresults/1',
])('the state of an operation has no model, wherever its provider keeps it: %s', (path) => {
  const judge = new Judge(resourceTypes)
  judge.see({ method: 'GET', path, status: 200, answer: { status: 'Succeeded' } })
  expect(judge.verdict).toMatchObject({ withoutModel: 1, findings: [] })
})

test('what is only called alike is judged', () => {
  const judge = new Judge(resourceTypes)
  judge.see({ method: 'GET', path: `${locations}/operationsOfSomething/1`, status: 200, answer: { a: 1 } })
  expect(judge.verdict.findings).toMatchObject([{ what: 'no model' }])
})

test('a resource below another is found by its own model', () => {
  const world = createEmptyWorld()
  const { id } = getAddress(
    world,
    'rg',
    'Microsoft.DBforPostgreSQL/flexibleServers/firewallRules',
    'server/operator',
  )
  world.judge.seeResource(id, { properties: { startIpAddress: '192.0.2.1' } })
  expect(kinds(world.judge)).toEqual(['request /properties/endIpAddress missing'])
})

test('every model that a resource type names is in models.jsonl, once', () => {
  const lines = readFileSync('rehearsal/judge/models.jsonl', 'utf8').trim().split('\n')
  const ids = lines.map((line): string => JSON.parse(line).id)
  expect(new Set(ids).size).toBe(ids.length)
  const named = listModels(resourceTypes).flatMap(({ module, names }) =>
    names.map((name) => `${getPrefix(module)}.${name}`),
  )
  const missing = named.filter((id) => !ids.includes(id))
  expect(missing, 'run bin/node rehearsal/judge/writeModels.ts').toEqual([])
})

const shelves = {
  type: 'Microsoft.Library/rooms/shelves',
  models: {
    ...{ module: 'library.v2024_01_01', resource: 'Shelf', create: 'NewShelf', list: 'ShelfList' },
    paths: {
      'POST sort': { request: 'Order' },
      'GET books/*': { answer: 'Book' },
      'GET /locations/*/usages': { answer: 'Usages' },
    },
  },
}
const shelf = `${rg}/providers/Microsoft.Library/rooms/r/shelves/s`

test.each([
  ['PUT', shelf, 'library.NewShelf', 'library.Shelf'],
  ['PATCH', shelf, 'library.Shelf', 'library.Shelf'],
  ['GET', shelf, undefined, 'library.Shelf'],
  ['DELETE', shelf, undefined, undefined],
  ['GET', `${rg}/providers/Microsoft.Library/rooms/r/shelves`, undefined, 'library.ShelfList'],
  ['POST', `${shelf}/sort`, 'library.Order', undefined],
  ['GET', `${shelf}/books/b`, undefined, 'library.Book'],
  [
    'GET',
    '/subscriptions/s/providers/Microsoft.Library/locations/eastus/usages',
    undefined,
    'library.Usages',
  ],
])('a new type names its models itself: %s %s', (method, path, request, answer) => {
  const found = findRoute(createRoutes([shelves]), method, path)
  expect([found?.request, found?.answer]).toEqual([request, answer])
  expect(found).toBeDefined()
})

test('the models of a type are asked for by their module', () => {
  const [first] = listModels([shelves])
  const names = ['Shelf', 'NewShelf', 'ShelfList', 'Order', 'Book', 'Usages']
  expect(first).toEqual({ module: 'library.v2024_01_01', names })
})
