import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { applicationDatabase, operatorRule, secureTransport } from '../../lib/azure/resources/postgres.ts'
import { managedDatabase } from '../../lib/azure/resources/redis.ts'
import { resourceId } from '../../lib/azure/resources/resource.ts'
import type { Receipt } from '../../lib/deploy/receipts/receipts.ts'
import { forgetRequests, getAzureChanges, listSecrets } from '../support/system/records.ts'
import { type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'

/* `provision` alone: what is refused before anything is created, and settings that change back and forth. */

let clouds: Rehearsal
let secrets: ReturnType<typeof listSecrets>

beforeAll(async () => {
  clouds = await startRehearsal('sys-data-tier')
  secrets = listSecrets(clouds)
})
afterAll(() => clouds?.down())

async function provision(environment: string, ...flags: string[]) {
  const { code, stdout, stderr } = await clouds.dominion(['provision', ...flags], { environment })
  secrets.said(stdout + stderr)
  return { code, stdout, stderr }
}

/** The receipt of a run that must succeed. */
async function provisioned(environment: string): Promise<Receipt> {
  const { code, stdout, stderr } = await provision(environment, '--json')
  expect(code, stderr).toBe(0)
  return (JSON.parse(stdout) as { receipt: Receipt }).receipt
}

test('a placeholder password is refused before anything is created, also in a plan, naming its file', async () => {
  const environment = clouds.variant('placeholder', { POSTGRES_PASSWORD: 'change-me' })
  await forgetRequests(clouds)
  for (const flags of [[], ['--dry-run']]) {
    const { code, stderr } = await provision(environment, ...flags)
    expect(code).toBe(2)
    expect(stderr).toMatch(/✖ .*POSTGRES_PASSWORD is still the placeholder from \.env\.example/)
    expect(stderr).toContain(`→ Set POSTGRES_PASSWORD in .env.${environment}: `)
  }
  expect(await getAzureChanges(clouds)).toEqual([])
})

test('the data tier is created once although PostgreSQL is busy at first: resubmitted, and the operator sees it', async () => {
  await clouds.control('/faults', { name: 'postgres-busy' })
  const { code, stdout, stderr } = await provision(clouds.name, '--json')
  expect(code, stderr).toBe(0)
  expect(stderr).toMatch(/PostgreSQL is busy with another operation: .*resubmitted 30 s after.*\(1 of 3\)/)
  const { receipt } = JSON.parse(stdout) as { receipt: Receipt }
  expect(receipt.changed.map(({ id }) => id)).toEqual(
    expect.arrayContaining(['data-tier', 'registry', 'database', 'redis', 'migrations']),
  )
})

/** A second run has nothing to do and changes nothing. */
async function unchanged(environment: string): Promise<void> {
  await forgetRequests(clouds)
  const receipt = await provisioned(environment)
  expect({ changed: receipt.changed, changes: receipt.commands.change }).toEqual({ changed: [], changes: 0 })
  expect(await getAzureChanges(clouds)).toEqual([])
}

/**
 * Only this field of the data tier changes; `before` is what Azure reported for the server. So a test that follows also
 * shows that the changes of the one before were there to be read.
 */
async function changes(environment: string, field: object): Promise<void> {
  const { changed } = await provisioned(environment)
  expect(changed.find(({ id }) => id === 'data-tier')?.fields).toEqual([field])
}

test('a setting of the server goes from A to B and back to A: applied each time, and nothing else', async () => {
  const longer = clouds.variant('longer', { POSTGRES_BACKUP_DAYS: '14' })
  const days = { name: 'PostgreSQL backup (days)' }
  await changes(longer, { ...days, before: '7', after: '14' })
  await changes(clouds.name, { ...days, before: '14', after: '7' })
})

test('the password, which cannot be read back, changes as well: the tables are reached with the current one', async () => {
  const other = clouds.variant('other', { POSTGRES_PASSWORD: 'Another-1-of-the-passwords' })
  for (const environment of [other, clouds.name]) {
    const { changed, unchanged: same } = await provisioned(environment)
    expect(changed.find(({ id }) => id === 'data-tier')?.fields).toMatchObject([
      { name: 'template or password' },
    ])
    // It has connected with this password and asked the database which tables exist.
    expect(same).toContain('migrations')
  }
  await unchanged(clouds.name)
})

/** A line of az, as an operator types it. */
const az = (...args: string[]): string =>
  execFileSync('az', args, {
    env: { ...process.env, ...clouds.config.network.azEnvironment },
    encoding: 'utf8',
    stdio: 'pipe',
  })

const getId = (type: Parameters<typeof resourceId>[2]) =>
  resourceId(clouds.config, clouds.config.azure.subscription, type)

const rest = (method: string, id: string, version: string, body?: object): string =>
  az(
    ...['rest', '--method', method, '--url', `https://management.azure.com${id}?api-version=${version}`],
    ...(body ? ['--body', JSON.stringify(body)] : []),
  )

test('require_secure_transport switched off: doctor detects it, provision sets it with one command', async () => {
  rest('put', getId(secureTransport), '2025-08-01', {
    properties: { value: 'off', source: 'user-override' },
  })
  const { stdout } = await clouds.dominion(['doctor', '--only', 'data-tier'], { environment: clouds.name })
  expect(stdout).toMatch(/CRITICAL +data-tier +PostgreSQL only over TLS +require_secure_transport is off/)
  const { changed, commands } = await provisioned(clouds.name)
  expect(changed.find(({ id }) => id === 'data-tier')?.fields).toEqual([
    { name: 'PostgreSQL require_secure_transport', before: 'off', after: 'on' },
  ])
  expect(commands.change).toBe(1)
})

test('another address of the operator: the firewall rule alone is changed, by one request, and then nothing', async () => {
  const { startIpAddress } = (
    JSON.parse(rest('get', getId(operatorRule), '2025-08-01')) as { properties: { startIpAddress: string } }
  ).properties
  const other = '203.0.113.9'
  rest('put', getId(operatorRule), '2025-08-01', {
    properties: { startIpAddress: other, endIpAddress: other },
  })
  await forgetRequests(clouds)
  const { changed, commands } = await provisioned(clouds.name)
  expect(changed.find(({ id }) => id === 'data-tier')?.fields).toEqual([
    { name: 'operator address', before: other, after: startIpAddress },
  ])
  expect(commands.change).toBe(1)
  expect(await getAzureChanges(clouds)).toEqual([
    expect.stringMatching(/^PUT management\.azure\.com\/.*\/firewallRules\/operator/),
  ])
  await unchanged(clouds.name)
})

/** What Redis answers. */
async function redis(...commands: string[]): Promise<string> {
  const { primaryKey } = JSON.parse(rest('post', `${getId(managedDatabase)}/listKeys`, '2025-07-01')) as {
    primaryKey: string
  }
  const server = await fetch(`${clouds.state.controlUrl}/redis/${clouds.config.redis.name}`)
  const { address } = (await server.json()) as { address: string }
  return execFileSync('redis-cli', ['-h', address, '-p', '10000', '--tls', '--insecure'], {
    env: { PATH: process.env.PATH, REDISCLI_AUTH: primaryKey },
    input: commands.map((command) => `${command}\n`).join(''),
    encoding: 'utf8',
  })
}

const databaseProperties = {
  clientProtocol: 'Encrypted',
  port: 10000,
  clusteringPolicy: 'NoCluster',
  evictionPolicy: 'NoEviction',
  accessKeysAuthentication: 'Enabled',
}

/** A transaction over keys of two slots, as RQ sends them. */
const transaction = () => redis('PING', 'MULTI', 'SET one 1', 'SET two 2', 'EXEC', 'MGET one two')

test('Redis accepts a transaction across several slots only with the policy NoCluster', async () => {
  expect(await transaction()).toMatch(/^PONG\nOK\nQUEUED\nQUEUED\nOK\nOK\n1\n2\n/)
})

test('another eviction policy is set in place, by PUT only: Redis keeps its data', async () => {
  const database = getId(managedDatabase)
  expect(() => rest('patch', database, '2025-07-01', { properties: {} })).toThrow(/NotImplemented/)
  for (const [evictionPolicy, word] of [
    ['AllKeysLRU', 'allkeys-lru'],
    ['NoEviction', 'noeviction'],
  ]) {
    rest('put', database, '2025-07-01', { properties: { ...databaseProperties, evictionPolicy } })
    await expect
      .poll(() => rest('get', database, '2025-07-01'), { timeout: 30_000, interval: 500 })
      .toContain('"Succeeded"')
    expect(await redis('CONFIG GET maxmemory-policy', 'MGET one two')).toBe(
      `maxmemory-policy\n${word}\n1\n2\n`,
    )
  }
})

test('a Redis with another policy: plan, provision and doctor show the solution, and it works', async () => {
  const database = getId(managedDatabase)
  az('resource', 'delete', '--ids', database, '--api-version', '2025-07-01')
  rest('put', database, '2025-07-01', {
    properties: { ...databaseProperties, clusteringPolicy: 'EnterpriseCluster' },
  })
  await expect
    .poll(() => rest('get', database, '2025-07-01'), { timeout: 60_000, interval: 2000 })
    .toContain('"Succeeded"')
  expect(await transaction()).toMatch(/^PONG\n[\s\S]*CROSSSLOT[\s\S]*CROSSSLOT/)

  const way = /az resource delete --ids (\S+databases\/default) --api-version (\S+) /
  await forgetRequests(clouds)
  const seen = []
  for (const flags of [['--dry-run'], []]) {
    const { code, stdout, stderr } = await provision(clouds.name, ...flags)
    expect(code).toBe(1)
    seen.push(stdout + stderr)
  }
  const doctor = await clouds.dominion(['doctor', '--only', 'data-tier'], { environment: clouds.name })
  expect(doctor.code).toBe(1)
  seen.push(doctor.stdout)
  for (const said of seen) {
    expect(said).toMatch(/clustering policy EnterpriseCluster, under which RQ fails with CROSSSLOT/)
    expect(said).toContain(`npx dominion deploy-complete --env ${clouds.name}`)
    expect(said).toMatch(way)
  }
  expect(await getAzureChanges(clouds)).toEqual([])

  const [, id = '', version = ''] = way.exec(seen[0]!) ?? []
  // Together with the application's database, as after a deployment that ended midway.
  az('resource', 'delete', '--ids', getId(applicationDatabase), '--api-version', '2025-08-01')
  az('resource', 'delete', '--ids', id, '--api-version', version)
  const { code, stdout, stderr } = await provision(clouds.name)
  expect(code, stderr).toBe(0)
  expect(stdout + stderr).toMatch(
    /create the empty database codexdb of PostgreSQL \S+, the database of Redis/,
  )
  expect(await transaction()).not.toContain('CROSSSLOT')
  await unchanged(clouds.name)
})

test('a region that a resource cannot move to is refused before anything is changed', async () => {
  const moved = clouds.variant('moved', { POSTGRES_LOCATION: 'westus3' })
  await forgetRequests(clouds)
  const { code, stderr } = await provision(moved)
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /is in eastus, not in westus3, and Azure cannot move it[\s\S]*POSTGRES_LOCATION=eastus/,
  )
  expect(await getAzureChanges(clouds)).toEqual([])
})

test('a disk that would have to shrink is refused before anything is changed, also in a plan', async () => {
  const bigger = clouds.variant('bigger', { POSTGRES_STORAGE_GB: '64' })
  await changes(bigger, { name: 'PostgreSQL storage (GB)', before: '32', after: '64' })
  await forgetRequests(clouds)
  for (const flags of [['--dry-run'], []]) {
    const { code, stderr } = await provision(clouds.name, ...flags)
    expect(code).toBe(2)
    expect(stderr).toMatch(/has 64 GB, and Azure cannot reduce it to 32 GB[\s\S]*POSTGRES_STORAGE_GB=64/)
  }
  expect(await getAzureChanges(clouds)).toEqual([])
})

test('a major upgrade: alone, with what it means, once; and never together with another change', async () => {
  // The server of the test before.
  const disk = { POSTGRES_STORAGE_GB: '64' }
  const both = clouds.variant('both', { ...disk, POSTGRES_VERSION: '16', POSTGRES_BACKUP_DAYS: '14' })
  const refused = await provision(both)
  expect(refused.code).toBe(2)
  expect(refused.stderr).toMatch(/must be a deployment without other changes.*PostgreSQL backup/)
  const newer = clouds.variant('newer', { ...disk, POSTGRES_VERSION: '16' })
  const plan = await provision(newer, '--dry-run')
  expect(plan.stdout).toMatch(/an upgrade of \S+ that Azure cannot undo[\s\S]*backup-database/)
  await changes(newer, { name: 'PostgreSQL version', before: '15', after: '16' })
  await unchanged(newer)
})

test('where a region is closed to PostgreSQL and has no Redis left, both are created in others', async () => {
  const faults = ['postgres-location-restricted', 'redis-no-capacity']
  for (const name of faults) await clouds.control('/faults', { name, location: 'eastus' })
  const far = { POSTGRES_SERVER: 'codexdominion-far', REDIS_NAME: 'codexdominion-far' }
  const { code, stderr } = await provision(clouds.variant('closed', far))
  expect(code).toBe(1)
  expect(stderr).toMatch(/Set POSTGRES_LOCATION in \.env\.\S+ to a region that allows it/)
  const elsewhere = clouds.variant('elsewhere', {
    ...far,
    POSTGRES_LOCATION: 'westus3',
    REDIS_LOCATION: 'northeurope',
  })
  await provisioned(elsewhere)
  const redis = await fetch(`${clouds.state.controlUrl}/redis/codexdominion-far`)
  expect(await redis.json()).toMatchObject({ host: 'codexdominion-far.northeurope.redis.azure.net' })
  await unchanged(elsewhere)
  for (const name of faults) await clouds.control('/faults', { name, on: false })
})

test('no secret in anything that was printed, stored or passed as an argument', () => {
  expect(secrets.seen()).toEqual([])
})
