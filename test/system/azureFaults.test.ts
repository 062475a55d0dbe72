import { afterAll, beforeAll, expect, test } from 'vitest'
import { getHealthUrl } from '../../lib/azure/containers/waitFor.ts'
import { createNetworkOptions } from '../../lib/config/network.ts'
import type { Receipt } from '../../lib/deploy/receipts/receipts.ts'
import { makeRequest } from '../../lib/net/http.ts'
import { type ProcessResult, startProcess } from '../../lib/shell/spawn.ts'
import { getOtherRelease } from '../support/otherRelease.ts'
import { copyBackend, createWorkFolder, smallDashboard } from '../support/system/applications.ts'
import { runHealth } from '../support/system/checks.ts'
import { steadyLoad } from '../support/system/load.ts'
import {
  forgetRequests,
  getAzureChanges,
  getChangingLines,
  getPlannedLines,
  listSecrets,
} from '../support/system/records.ts'
import { type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'
import { getBackendHost } from '../support/system/site.ts'

/* Faults in Azure, and releases over a site that is being read: no reader may notice either. */

const work = createWorkFolder('dominion-azure')
let clouds: Rehearsal
let common: Record<string, string>
let good: string
let secrets: ReturnType<typeof listSecrets>

beforeAll(async () => {
  clouds = await startRehearsal('sys-azure', { azFrom: getOtherRelease() })
  secrets = listSecrets(clouds)
  // Classic Redis is an option: the following shows that it works once the tenant may create it.
  common = {
    DASHBOARD_DIR: smallDashboard(work.folder),
    REDIS_KIND: 'classic',
    REDIS_SKU: 'Basic_C0',
  }
  good = clouds.variant('good', common)
})
afterAll(async () => {
  await clouds?.down()
  work.remove()
})

const deploy = (environment: string, ...flags: string[]) => run('deploy-complete', environment, ...flags)

async function run(script: string, environment: string, ...flags: string[]): Promise<ProcessResult> {
  const result = await clouds.dominion([script, ...flags], { environment })
  secrets.said(result.stdout + result.stderr)
  return result
}

const fault = (name: string, on = true, more: object = {}) => clouds.control('/faults', { name, on, ...more })

/** Existing container groups: name → image. */
async function groups(): Promise<string[]> {
  const answer = await fetch(`${clouds.state.controlUrl}/resources`)
  const { resources } = (await answer.json()) as { resources: { id: string }[] }
  return resources.flatMap(({ id }) => /containerGroups\/(.+)$/.exec(id)?.[1] ?? []).sort()
}

/** The events of a container group, as az shows them. */
async function getEvents(name: string): Promise<unknown> {
  const { azEnvironment } = clouds.config.network
  const { stdout } = await startProcess(
    ['az', 'container', 'show', '--name', name, '--resource-group', clouds.config.azure.resourceGroup],
    { env: { ...process.env, ...azEnvironment }, timeoutMs: 60_000, signal: AbortSignal.timeout(60_000) },
  )
  return (JSON.parse(stdout) as { instanceView?: { events?: unknown } }).instanceView?.events
}

test('closed regions: refused before anything is created, not even a group, and open regions are named', async () => {
  const closed = [
    [
      'region-disallowed',
      {},
      /not allow this subscription to deploy in eastus [\s\S]*AZURE_LOCATION in \S+ to a region that allows it: centralus,/,
    ],
    [
      'postgres-location-restricted',
      { location: 'eastus' },
      /not create PostgreSQL servers in eastus[\s\S]*POSTGRES_LOCATION in \S+ to a region that allows it: centralus,.*aka\.ms\/postgres-request-quota-increase/,
    ],
  ] as const
  for (const [name, more, words] of closed) {
    await forgetRequests(clouds)
    await fault(name, true, more)
    const { code, stderr } = await run('provision', good)
    await fault(name, false)
    expect(stderr).toMatch(words)
    expect(code).toBe(1)
    expect(await getAzureChanges(clouds)).toEqual([])
  }
})

test('policies refuse before any resource is created: a rule of the organisation, a login without MFA', async () => {
  const refusals = [
    [{}, /A policy of your organisation forbids this resource[\s\S]*exemption/, 1],
    [{ mfa: true }, /only from a login with a second factor[\s\S]*az login --tenant/, 4],
  ] as const
  for (const [more, words, exit] of refusals) {
    await fault('policy-disallowed', true, more)
    const { code, stderr } = await run('provision', good)
    await fault('policy-disallowed', false)
    expect(stderr).toMatch(words)
    expect(code).toBe(exit)
  }
  const answer = await fetch(`${clouds.state.controlUrl}/resources`)
  expect(await answer.json()).toEqual({ resources: [] })
})

test('a server name that somebody else has: named before anything is created', async () => {
  const { server } = clouds.config.postgres
  await forgetRequests(clouds)
  await fault('server-name-taken', true, { server })
  const { code, stderr } = await run('provision', good)
  await fault('server-name-taken', false)
  expect(stderr).toMatch(new RegExp(`${server}[\\s\\S]*POSTGRES_SERVER in `))
  expect(code).toBe(1)
  expect(await getAzureChanges(clouds)).toEqual([])
})

test('classic Redis refused: names the setting to change', async () => {
  const { code, stderr } = await run('provision', good)
  expect(code).toBe(1)
  expect(stderr).toMatch(/classic Azure Cache for Redis[\s\S]*is retiring[\s\S]*REDIS_KIND=managed/)
  await fault('classic-redis-retired', false)
})

test('a login with rights on the resource group only: a WARNING; a group that it cannot create ends the run', async () => {
  const elsewhere = clouds.variant('elsewhere', { ...common, AZURE_RESOURCE_GROUP: 'codex-elsewhere' })
  await forgetRequests(clouds)
  await fault('few-rights')
  const doctor = await run('doctor', good, '--only', 'login')
  const { code, stderr } = await run('provision', elsewhere)
  await fault('few-rights', false)
  expect(doctor.stdout).toMatch(
    /WARNING +login +.*check less beforehand.*providers\/read[\s\S]*role Contributor on the subscription/,
  )
  expect(stderr).toMatch(
    /lacks the permission that Azure requires[\s\S]*AuthorizationFailed[\s\S]*role Contributor on the resource group[\s\S]*az group create/,
  )
  expect(code).toBe(1)
  expect(await getAzureChanges(clouds)).toEqual([])
})

test('managed Redis refused: names the setting to change', async () => {
  await fault('managed-redis-refused')
  const managed = clouds.variant('managed', {
    ...common,
    REDIS_KIND: 'managed',
    REDIS_SKU: 'Balanced_B0',
    REDIS_NAME: 'codexdominion-managed',
  })
  const { code, stderr } = await run('provision', managed)
  await fault('managed-redis-refused', false)
  expect(code).toBe(1)
  expect(stderr).toMatch(/Azure refuses Azure Managed Redis[\s\S]*REDIS_LOCATION or REDIS_SKU/)
})

test('managed Redis without capacity fails late; the failed one is shown as failed and deleted before the next try', async () => {
  const managed = `${clouds.name}-managed`
  await fault('redis-no-capacity', true, { code: 'InsufficientCapacity' })
  const late = await run('provision', managed)
  await fault('redis-no-capacity', false)
  expect(late.code).toBe(1)
  expect(late.stderr).toMatch(
    /no capacity for this Redis[\s\S]*InsufficientCapacity: Request failed[\s\S]*REDIS_LOCATION[\s\S]*REDIS_SKU/,
  )
  const doctor = await run('doctor', managed, '--only', 'data-tier')
  expect(doctor.stdout).toMatch(/CRITICAL +data-tier +Redis .*Failed \(CreateFailed\)/)
  // As part of the full check: the recent provisioning explains it, and it is still CRITICAL.
  const { observations } = await runHealth(clouds, managed, [])
  expect(observations.find(({ id }) => id === 'redis')).toMatchObject({
    verdict: 'CRITICAL',
    detail: expect.stringContaining('codexdominion-managed is in the state Failed (CreateFailed)'),
  })
  const plan = await run('provision', managed, '--dry-run')
  expect(plan.stdout).toMatch(
    /has no database: delete it, then create Redis[\s\S]*az resource delete --ids \S+codexdominion-managed [\s\S]*az deployment group create/,
  )
  expect(plan.stdout).not.toMatch(/Redis: ok/)
  const { code, stderr } = await run('provision', managed)
  expect(code, stderr).toBe(0)
})

test('a registry that may not build: says so and what to do instead', async () => {
  await fault('build-tasks-not-allowed')
  const { code, stderr } = await run('build-image', good)
  await fault('build-tasks-not-allowed', false)
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /cannot build images[\s\S]*az acr login .* && docker build --platform linux\/amd64 --file \S+ --tag (\S+\.azurecr\.io\/codex-backend:src-[0-9a-f]{12}) \S+ && docker push \1 && npx dominion build-image --env \S+/,
  )
})

test('a failing image build: its log is shown, and nothing is released', async () => {
  const broken = copyBackend(work.folder, 'unbuildable', {
    'requirements.txt': (text) => `${text}no-such-package-of-codex-dominion==1.0\n`,
  })
  await forgetRequests(clouds)
  const { code, stderr } = await deploy(
    clouds.variant('unbuildable', { ...common, BACKEND_DIR: broken }),
    '--skip-ionos',
  )
  expect(code).toBe(1)
  expect(stderr).toMatch(/│ .*no-such-package-of-codex-dominion/)
  expect((await getAzureChanges(clouds)).filter((line) => /containerGroups/.test(line))).toEqual([])
})

test('containers without capacity or with a taken label: each says what to change', async () => {
  await fault('container-no-capacity')
  const full = await deploy(good, '--skip-ionos')
  expect(full.code).toBe(1)
  expect(full.stderr).toMatch(/no capacity for a container group of this size in eastus[\s\S]*BACKEND_CPU/)
  expect(await getEvents('codex-backend')).toMatchObject([
    {
      name: 'InsufficientCapacity.',
      message: expect.stringContaining("not available in the location 'eastus'"),
    },
  ])
  await fault('dns-label-taken', true, { label: 'codex-api' })
  const taken = await deploy(good, '--skip-ionos')
  await fault('dns-label-taken', false)
  expect(taken.code).toBe(1)
  expect(taken.stderr).toMatch(/The DNS label codex-api is taken in this region[\s\S]*BACKEND_DNS_LABEL/)
  await fault('few-cores', true, { cores: 1 })
  const few = await deploy(good, '--skip-ionos')
  await fault('few-cores', false)
  expect(few.code).toBe(1)
  expect(few.stderr).toMatch(/cores for containers: .*3 needed, 5 during[\s\S]*Quotas, Container Instances/)
})

test('without the faults the same command continues to a verified site, on classic Redis, also when Azure throttles', async () => {
  await fault('throttle', true, { count: 2 })
  await fault('server-error')
  const { code, stdout, stderr } = await deploy(good)
  expect(code, stderr).toBe(0)
  expect(stdout).toMatch(/^Done in /)
  expect(await groups()).toEqual(['codex-backend', 'codex-worker'])
})

/** Deploys while readers read. */
async function underLoad(environment: string, ...flags: string[]) {
  const load = steadyLoad(clouds.config)
  const result = await deploy(environment, ...flags)
  return { ...result, load: await load.stop() }
}

test('a release that answers but is not healthy: given up after the time limit, and the old one keeps serving', async () => {
  const ill = copyBackend(work.folder, 'ill', {
    'dominion/health.py': (text) => text.replace('200 if healthy else 503', '503'),
  })
  const { code, stderr, load } = await underLoad(
    clouds.variant('ill', { ...common, BACKEND_DIR: ill, HEALTHY_WITHIN_SECONDS: '6' }),
    '--skip-ionos',
  )
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /codex-backend-next did not become healthy within 6 s: .* answers 503[\s\S]*The old release is still serving/,
  )
  expect(load.failed).toEqual([])
  expect(load.answered).toBeGreaterThan(50)
  expect(await groups()).toEqual(['codex-backend', 'codex-worker'])
})

test('with the good sources again there is nothing to do, because nothing was lost', async () => {
  const { code, stdout, stderr } = await deploy(good)
  expect(code, stderr).toBe(0)
  expect(stdout).toMatch(/^Nothing to do/)
})

test('a new release of another size: no request fails, the new image serves, and the plan listed every command', async () => {
  const newer = copyBackend(work.folder, 'newer', { 'dominion/app.py': (text) => `${text}\n# newer\n` })
  const environment = clouds.variant('newer', { ...common, BACKEND_DIR: newer, BACKEND_CPU: '1' })
  const lines = await getPlannedLines(clouds, ['deploy-complete'], environment)
  const { code, stdout, stderr, load } = await underLoad(environment, '--json')
  expect(code, stderr).toBe(0)
  const { receipt } = JSON.parse(stdout) as { receipt: Receipt }
  // nginx's set of files has no name before Azure has named the host of the surge group.
  const done = getChangingLines(clouds, receipt.id, environment)
  expect(done.length).toBe(lines.length)
  const nginx = lines.findIndex((line) => line.includes("'<set>'"))
  const unnamed = (line: string) => line.replace(/ (nginx \S+ )\S+ .*/, '$1')
  expect(unnamed(done[nginx]!)).toBe(unnamed(lines[nginx]!))
  expect(done.toSpliced(nginx, 1)).toEqual(lines.toSpliced(nginx, 1))
  const words = lines.map((line) =>
    /az acr build|az container create|az rest --method delete|vps: .* nginx /
      .exec(line)?.[0]
      .replace(/(script=).*/, '$1'),
  )
  expect(words).toEqual([
    ...['az acr build', 'az container create', "vps: sh -c 'script="],
    ...['az rest --method delete', 'az container create'],
    ...["vps: sh -c 'script=", 'az rest --method delete', 'az container create'],
  ])
  expect(receipt.changed.map(({ id }) => id).sort()).toEqual(['backend', 'image', 'worker'])
  expect(load.failed).toEqual([])
  expect(load.answered).toBeGreaterThan(50)
  expect(await groups()).toEqual(['codex-backend', 'codex-worker'])
  const tag = receipt.image.split(':')[1]!
  const url = getHealthUrl(await getBackendHost(clouds))
  const health = { method: 'GET', url, effect: 'read' } as const
  const answer = await makeRequest(
    { ...health, timeoutMs: 10_000 },
    createNetworkOptions(clouds.config),
    new AbortController().signal,
  )
  expect(JSON.parse(answer.body)).toMatchObject({ status: 'ok', release: tag })
})

test('a stopped PostgreSQL server: its state is shown, with the line that starts it', async () => {
  await fault('postgres-state', true, { state: 'Disabled' })
  const { stdout } = await run('doctor', good, '--only', 'data-tier')
  await fault('postgres-state', false)
  expect(stdout).toMatch(/PostgreSQL .*Disabled/)
})

test('a killed worker restarts by itself', async () => {
  const group = `${clouds.state.controlUrl}/containers/codex-worker`
  const read = async () => (await (await fetch(group)).json()) as { pid: number; restarts: number }
  const before = await read()
  await clouds.control('/containers/codex-worker/kill')
  await expect
    .poll(async () => (await read()).restarts, { timeout: 20_000, interval: 250 })
    .toBeGreaterThan(before.restarts)
  expect((await read()).pid).not.toBe(before.pid)
})

test('no secret in anything that was printed, stored or passed as an argument', () => {
  expect(secrets.seen()).toEqual([])
})
