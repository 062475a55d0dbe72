import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Examined } from '../../lib/checks/doctor.ts'
import { createWorkFolder, smallDashboard } from '../support/system/applications.ts'
import { forgetRequests, getAzureChanges, readReceipts } from '../support/system/records.ts'
import { type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'
import { ssh } from '../support/system/site.ts'

/*
 * The beginning and the end: the estimated cost, doctor before and after the first deploy, and the removal of
 * everything that the deploy created.
 */

const work = createWorkFolder('dominion-first-last')
let clouds: Rehearsal
let environment: string
let dashboard: string
let unreachable: string
let loggedOut: string

beforeAll(async () => {
  clouds = await startRehearsal('sys-first-last', { vpsFrom: 'bookworm' })
  dashboard = smallDashboard(work.folder)
  environment = clouds.variant('small', { DASHBOARD_DIR: dashboard })
  const empty = path.join(work.folder, 'az')
  mkdirSync(empty)
  unreachable = clouds.variant('unreachable', { HTTPS_PROXY: 'http://127.0.0.1:1' })
  loggedOut = clouds.variant('loggedout', { AZURE_CONFIG_DIR: empty })
})
afterAll(async () => {
  await clouds?.down()
  work.remove()
})

const json = <T>(text: string): T => JSON.parse(text) as T

async function deployed(): Promise<void> {
  environment = clouds.variant('small', { DASHBOARD_DIR: dashboard })
  const done = await clouds.dominion(['deploy-complete'], { environment })
  expect(done.code, done.stderr).toBe(0)
}

/* cost needs nothing; metrics need containers. */

test('before anything is deployed: no metrics, and what to do', async () => {
  const { code, stdout, stderr } = await clouds.dominion(['metrics'])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/The resource group \S+ has no container groups\n→ Deploy first/)
})

test('cost needs no login and no deployment: the public list, part by part', async () => {
  await forgetRequests(clouds)
  const { code, stdout, stderr } = await clouds.dominion(['cost', '--json'], { environment: loggedOut })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const cost = json<{ total: number; parts: { id: string; monthly: number; source: string }[] }>(stdout)
  expect(cost.parts.map(({ id, monthly, source }) => [id, monthly, source])).toEqual([
    ['postgres-compute', 12.41, 'list'],
    ['postgres-storage', 3.68, 'list'],
    ['redis', 11.68, 'list'],
    ['registry', 5.07, 'list'],
    ['backend', 72.12, 'list'],
    ['worker', 36.06, 'list'],
    ['vps', 7.5, 'offline'],
    ['domain', 1.25, 'offline'],
  ])
  expect(cost.total).toBe(149.77)
  const { requests } = json<{ requests: { host: string }[] }>(
    await (await fetch(`${clouds.state.controlUrl}/requests`)).text(),
  )
  expect(new Set(requests.map(({ host }) => host))).toEqual(new Set(['prices.azure.com']))
})

test('price list out of reach: prices of the bundled table, and it says so', async () => {
  const { code, stdout } = await clouds.dominion(['cost'], { environment: unreachable })
  expect(code).toBe(0)
  expect(stdout).toMatch(
    /The public price list did not answer \(.*ECONNREFUSED.*\); those prices are from the bundled table of/,
  )
  expect(stdout).toMatch(/Backend container +72\.12 +bundled table/)
})

test('a size that the list does not have is unknown, exit 3', async () => {
  const odd = clouds.variant('odd', { POSTGRES_SKU: 'Standard_B20ms' })
  const { code, stdout } = await clouds.dominion(['cost'], { environment: odd })
  expect(code).toBe(3)
  expect(stdout).toMatch(/Standard_B20ms +UNKNOWN +public list .*has no .*B20ms in eastus/)
  expect(stdout).toMatch(/Total +UNKNOWN +\$137\.36 for the parts that have a price/)
})

/* doctor: reports what is missing or wrong, and never changes anything. */

async function examine(flags: string[] = [], env = environment) {
  const done = await clouds.dominion(['doctor', '--json', ...flags], { environment: env })
  const { findings } = JSON.parse(done.stdout) as { findings: Examined[] }
  const by = (id: string) => findings.find((each) => each.id === id)
  const not = findings.filter(({ verdict }) => verdict !== 'OK').map(({ id }) => id)
  return { code: done.code, findings, by, not }
}

test('before the first deploy: tools, logins, permissions and names are checked, and what is missing is named', async () => {
  const { code, by, not, findings } = await examine()
  expect(code).toBe(1)
  expect(not.sort()).toEqual([
    'backend-port',
    'certificate',
    'certificate-lifetime',
    'served-certificate',
    'site-ports',
    'vps-services',
  ])
  expect(by('azure-permissions')?.detail).toMatch(/all \d+ that a deploy needs/)
  expect(by('container-cores')?.detail).toBe('10 of 10 available; 3 needed, 5 during a release')
  expect(by('azure-regions')?.detail).toMatch(/^Container registry, PostgreSQL.* in eastus: allowed$/)
  expect(by('azure-names')?.detail).toBe('codexacr1216 is free, codexdominion-db is free')
  expect(by('vps-services')).toMatchObject({ verdict: 'CRITICAL', detail: 'is not installed' })
  expect(
    findings.filter(({ verdict, next }) => (verdict === 'WARNING' || verdict === 'CRITICAL') && !next),
  ).toEqual([])
  await clouds.control('/faults', { name: 'postgres-location-restricted', location: 'eastus' })
  const closed = await examine(['--only', 'quota'])
  await clouds.control('/faults', { name: 'postgres-location-restricted', on: false })
  expect(closed.not).toEqual(['azure-regions'])
  expect(closed.by('azure-regions')?.next).toMatch(
    /POSTGRES_LOCATION in \S+ to a region that allows it: centralus,/,
  )
  expect(await getAzureChanges(clouds)).toEqual([])
  expect(await ssh(clouds, 'ls /run/codex-dominion /var/lib/codex-dominion 2>&1 || true')).toMatch(
    /No such file[\s\S]*No such file/,
  )
})

test('after the deploy everything is OK; faults are detected, with what to do', async () => {
  await deployed()
  await forgetRequests(clouds)
  const well = await examine()
  expect(well.not, JSON.stringify(well.findings)).toEqual([])
  expect(well.code).toBe(0)

  await clouds.control('/faults', { name: 'few-cores', cores: 4 })
  await clouds.control('/providers', { namespace: 'Microsoft.Cache', state: 'NotRegistered' })
  const quota = await examine(['--only', 'quota'])
  expect(quota.code).toBe(1)
  expect(quota.by('container-cores')).toMatchObject({ verdict: 'WARNING' })
  expect(quota.by('azure-providers')).toMatchObject({
    verdict: 'CRITICAL',
    next: expect.stringMatching(
      /az provider register --namespace Microsoft\.Cache --wait --subscription \S+$/,
    ),
  })
  expect(quota.findings).toHaveLength(4)

  await ssh(clouds, 'systemctl disable --now certbot.timer && systemctl stop nginx')
  const face = await examine(['--only', 'vps,certificate,ports'])
  expect(face.by('certificate')?.detail).toMatch(/certbot.timer is not running/)
  expect(face.by('vps-services')?.detail).toMatch(/is not running/)
  expect(face.by('site-ports')?.detail).toMatch(/80 refuses connections; 443 refuses connections/)
  expect(face.by('served-certificate')?.verdict).toBe('UNKNOWN')
  expect(await getAzureChanges(clouds)).toEqual([])

  await ssh(clouds, 'systemctl enable --now certbot.timer && systemctl start nginx')
  await clouds.control('/faults', { name: 'few-cores', on: false })
  await clouds.control('/providers', { namespace: 'Microsoft.Cache', state: 'Registered' })
  expect((await examine()).code).toBe(0)
})

test('what cannot be checked is unknown, and the rest is shown', async () => {
  const cut = clouds.variant('cut', {
    IONOS_PORT: '1',
    DNS_SERVER: '127.0.0.1:1',
    HTTPS_PROXY: 'http://127.0.0.1:1',
  })
  const { by, findings } = await examine(['--only', 'tools,login,vps,ports,dns'], cut)
  expect(by('vps-login')?.verdict).toBe('UNKNOWN')
  expect(by('vps-disk')?.verdict).toBe('UNKNOWN')
  expect(by('azure-permissions')?.verdict).toBe('UNKNOWN')
  expect(by('site-ports')?.verdict).toBe('UNKNOWN')
  expect(by('dns-records')?.verdict).toBe('UNKNOWN')
  for (const local of ['node', 'env-file', 'secrets']) expect(by(local)?.verdict).toBe('OK')
  expect(findings).toHaveLength(16)
  const { code, stderr } = await clouds.dominion(['doctor', '--only', 'quotas'], { environment })
  expect(code).toBe(2)
  expect(stderr).toContain('--only quotas is not a category; did you mean quota?')
})

/* remove: deletes what the deploy created after its name is typed; everything else stays. */

const remove = (...flags: string[]) => clouds.dominion(['remove', ...flags])
const resources = async () => {
  const answer = await fetch(`${clouds.state.controlUrl}/resources`)
  const { resources } = (await answer.json()) as { resources: { id: string }[] }
  return resources.map(({ id }) => id)
}

/** Every part that a removal deletes, as named by the line that keeps it. */
const staying = [
  'site codexdominion.app on the VPS',
  'containers in the resource group codexdominion-prod',
  'Redis codexdominion-redis',
  'PostgreSQL server codexdominion-db',
  'container registry codexacr1216',
]

test('what another environment also names is kept: here, everything', async () => {
  const before = await resources()
  const plan = await remove('--dry-run', '--detailed-exitcode')
  expect(plan.code, plan.stderr).toBe(0)
  expect(plan.stdout).not.toMatch(/az \w+ delete|az resource delete|delete /)
  for (const what of staying)
    expect(plan.stdout).toMatch(new RegExp(`${what}.*: not removed, also named by .*\\.env\\.${environment}`))
  const done = await remove('--confirm=codexdominion.app')
  expect(done.code, done.stderr).toBe(0)
  expect(done.stdout).toMatch(/Nothing to do/)
  for (const what of staying) expect(done.stderr).toContain(what)
  expect(done.stderr).not.toMatch(/^ *(VPS|Containers|Database|Redis|Images): /m)
  expect(done.stderr).toMatch(/database codexdb on it: not removed/)
  expect(await resources()).toEqual(before)
  expect(await ssh(clouds, 'ls -d /var/www/codexdominion.app /etc/nginx/dominion')).toMatch(/nginx[\s\S]*www/)
  // From here on, no variant of the rehearsal's environment exists.
  clouds.withdraw()
})

test('without typing the domain nothing is touched, and what would be lost is shown', async () => {
  const before = await resources()
  const asked = await remove()
  expect(asked.code, asked.stderr).toBe(2)
  expect(asked.stderr).toMatch(/VPS: nginx configuration, certificate, 1 releases? of the pages/)
  expect(asked.stderr).toMatch(/Containers: codex-backend, codex-worker/)
  expect(asked.stderr).toMatch(
    /Database: codexdominion-db with every row.*its name may stay reserved for days/,
  )
  expect(asked.stderr).toMatch(/Cost: about \$\d+\.\d\d a month/)
  expect(asked.stderr).toMatch(/--confirm=codexdominion\.app/)
  const wrong = await remove('--confirm=codexdominion.ap', '--quiet')
  expect(wrong.code).toBe(2)
  expect(wrong.stderr).toMatch(/--confirm=codexdominion\.ap does not name/)
  expect(await resources()).toEqual(before)
})

test('the plan lists every command and prompts for nothing', async () => {
  const plan = await remove('--dry-run', '--detailed-exitcode')
  expect(plan.code, plan.stderr).toBe(2)
  for (const line of [
    /vps: .*remove.* codexdominion\.app \/var\/www/,
    /az rest --method delete .*containerGroups\/codex-backend\?/,
    /az rest --method delete .*containerGroups\/codex-worker\?/,
    /az resource delete .*redisEnterprise\/codexdominion-redis/,
    /delete codexdominion-db, whose name may stay reserved for days\n.*az resource delete .*flexibleServers\/codexdominion-db/,
    /az resource delete .*registries\/codexacr1216/,
  ])
    expect(plan.stdout).toMatch(line)
})

test('a server and a registry shared with a second environment are kept, the rest is removed', async () => {
  await ssh(
    clouds,
    `printf 'server { listen 8081; return 204; }\\n' > /etc/nginx/sites-enabled/neighbour.conf && systemctl reload nginx`,
  )
  const second = clouds.variant('second', {
    DOMAIN: 'second.codexdominion.app',
    AZURE_RESOURCE_GROUP: 'second-prod',
    BACKEND_DNS_LABEL: 'second-api',
    REDIS_NAME: 'second-redis',
    SHARES: 'postgres,registry,vps',
  })
  const undeclared = await remove('--confirm=codexdominion.app')
  expect(undeclared.code, undeclared.stderr).toBe(2)
  expect(undeclared.stderr).toContain('database codexdb on it')
  clouds.variant('second', {
    DOMAIN: 'second.codexdominion.app',
    AZURE_RESOURCE_GROUP: 'second-prod',
    BACKEND_DNS_LABEL: 'second-api',
    REDIS_NAME: 'second-redis',
    POSTGRES_DATABASE: 'seconddb',
    SHARES: 'postgres,registry,vps',
  })
  const done = await remove('--confirm=codexdominion.app')
  expect(done.code, done.stderr).toBe(0)
  expect(done.stderr).toContain(
    `PostgreSQL server codexdominion-db: not removed, also named by .env.${second}`,
  )
  expect(done.stderr).toContain(`container registry codexacr1216: not removed, also named by .env.${second}`)
  expect(done.stderr).toMatch(/Database codexdb on that server: not removed; drop it by hand/)
  const left = (await resources()).filter((id) => id.includes('/providers/Microsoft.')).join('\n')
  expect(left).toMatch(/flexibleServers\/codexdominion-db/)
  expect(left).toMatch(/registries\/codexacr1216/)
  expect(left).not.toMatch(/containerGroups|redisEnterprise/)
  clouds.withdraw(second)
})

test('with the domain typed everything of ours is removed, and nothing else', async () => {
  const done = await remove('--confirm=codexdominion.app')
  expect(done.code, done.stderr).toBe(0)
  expect((await resources()).filter((id) => id.includes('/providers/Microsoft.'))).toEqual([])
  const left = await ssh(
    clouds,
    'ls -d /var/www/codexdominion.app /etc/nginx/dominion /etc/letsencrypt/live/codexdominion.app 2> /dev/null; ls /etc/nginx/sites-enabled /var/lib/codex-dominion/receipts; systemctl is-active nginx',
  )
  expect(left).not.toMatch(/var\/www|nginx\/dominion|letsencrypt|codexdominion/)
  expect(left).toMatch(/neighbour\.conf/)
  expect(left).toMatch(/deploy-complete/)
  expect(left).toMatch(/^active$/m)
  expect(readReceipts(clouds, environment).map(({ receipt }) => receipt.result)).toEqual(['done'])
  expect(readReceipts(clouds, clouds.name).map(({ receipt }) => receipt.result)).toEqual(
    new Array(3).fill('done'),
  )
  const again = await remove('--confirm=codexdominion.app')
  expect(again.code, again.stderr).toBe(0)
  expect(again.stdout).toMatch(/Nothing to do/)
})

test('the name of the deleted server stays reserved; when Azure releases it, everything can be deployed again', async () => {
  const early = await clouds.dominion(['provision'])
  expect(early.code).toBe(1)
  expect(early.stderr).toMatch(
    /PostgreSQL server: the name codexdominion-db is taken[\s\S]*Set POSTGRES_SERVER in/,
  )
  await clouds.control('/names/free')
  await deployed()
  clouds.withdraw()
})
