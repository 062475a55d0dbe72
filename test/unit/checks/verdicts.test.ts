import { expect, test } from 'vitest'
import type { Resource } from '../../../lib/azure/resources/resource.ts'
import type { CheckContext } from '../../../lib/checks/check.ts'
import { findAll } from '../../../lib/checks/checkDatabase.ts'
import type { DatabaseSources } from '../../../lib/checks/database/facts.ts'
import { judgeBackups, judgeConnections, judgePlain } from '../../../lib/checks/database/server.ts'
import type { Settled } from '../../../lib/util/concurrency.ts'
import { OpsError, unknownError } from '../../../lib/util/errors.ts'
import { worstVerdict } from '../../../lib/util/verdict.ts'
import { loadTestConfig } from '../../support/helpers.ts'

const now = Date.parse('2026-11-23T12:00:00Z')
const server = (properties: object): Resource => ({
  id: '/…/codexdominion-db',
  name: 'codexdominion-db',
  location: 'eastus',
  sku: { name: 'Standard_B1ms' },
  properties: { state: 'Ready', storage: { storageSizeGB: 32 }, ...properties },
})
const backup = (completed: string) => ({ name: 'b', completed })

/** In the server's format: E, four bytes of length, fields that end with a zero byte, and another zero byte. */
const refusal = (code: string, message: string): string => {
  const fields = [`SFATAL`, `VFATAL`, `C${code}`, `M${message}`, 'Fauth.c', 'L543', 'RClientAuthentication']
  const body = Buffer.from(`${fields.join('\0')}\0\0`, 'latin1')
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  return `E${Buffer.concat([length, body]).toString('latin1')}`
}

type DatabaseFacts = {
  [Name in keyof DatabaseSources]: Settled<Awaited<ReturnType<DatabaseSources[Name]>>>
}

const facts = (changes: Partial<DatabaseFacts> = {}): DatabaseFacts => ({
  server: { value: server({}) },
  backups: { value: [backup('2026-11-23T02:00:00Z')] },
  times: { value: { dns: 2, tcp: 10, login: 60 } },
  plain: {
    value: refusal('28000', 'no pg_hba.conf entry for host "203.0.113.9", user "codexadmin", no encryption'),
  },
  facts: { value: { version: '16.4', connections: 6, connectionsAllowed: 35, stored: 2 ** 30 } },
  tables: { value: [{ name: 'agents', rows: 13, bytes: 81_920 }] },
  migrations: { value: { pending: [], all: 5 } },
  ...changes,
})
/** What check-database reports when its sources return this. */
async function find(changes: Partial<DatabaseFacts>) {
  const sources = Object.entries(facts(changes)).map(([name, { value, failure }]) => [
    name,
    async () => (failure ? Promise.reject(failure) : value),
  ])
  return findAll({
    context: { config: await loadTestConfig() },
    now: new Date(now),
    signal: new AbortController().signal,
    database: Object.fromEntries(sources),
  } as CheckContext)
}
const judged = async (changes: Partial<DatabaseFacts>) =>
  Object.fromEntries((await find(changes)).map(({ id, verdict, detail }) => [id, `${verdict} ${detail}`]))

test('everything is OK', async () => {
  expect(await judged({})).toEqual({
    server: 'OK codexdominion-db is Ready (Standard_B1ms)',
    version: 'OK PostgreSQL 16.4',
    tls: 'OK a plain connection was tried and refused',
    connection: 'OK 72 ms: DNS 2, TCP 10, TLS and login 60',
    connections: 'OK 6 of 35 (17 %)',
    storage: 'OK 1.07 GB of 32 GB (3 %), databases and write-ahead log',
    backups: 'OK 1 in Azure, newest 2026-11-23T02:00:00Z (10 h ago)',
    migrations: 'OK all 5 in infra/ are applied',
    'table-agents': 'OK 13 rows, 81.9 kB',
  })
})

test('the size without the write-ahead log says so', async () => {
  const value = { version: '16.4', connections: 6, connectionsAllowed: 35, stored: 2 ** 30, withoutWal: true }
  expect((await judged({ facts: { value } })).storage).toMatch(/without the write-ahead log/)
})

test('silence is UNKNOWN, what is known to be wrong is CRITICAL', async () => {
  const silent = await judged({
    server: { failure: new OpsError({ what: 'PostgreSQL server' }) },
    times: { failure: unknownError('cannot be reached', 'ECONNREFUSED') },
    plain: { failure: new Error('connect ECONNREFUSED') },
    tables: { failure: unknownError('cannot be reached', 'ECONNREFUSED') },
    migrations: { failure: new OpsError({ what: '0001_a.sql was edited after it was applied' }) },
  })
  expect(silent).toMatchObject({
    server: 'CRITICAL PostgreSQL server',
    connection: 'UNKNOWN cannot be reached: ECONNREFUSED',
    tls: 'UNKNOWN connect ECONNREFUSED',
    tables: 'UNKNOWN cannot be reached: ECONNREFUSED',
    migrations: 'CRITICAL 0001_a.sql was edited after it was applied',
    // Without Azure's figure, the only size to compare with is the configured one.
    storage: 'OK 1.07 GB of 32 GB of the configuration (3 %), databases and write-ahead log',
  })
})

test('a plain connection: refused, accepted, or unknown', () => {
  expect(judgePlain(refusal('28000', 'no pg_hba.conf entry'), true).verdict).toBe('OK')
  expect(judgePlain('R\0', true).verdict).toBe('CRITICAL')
  // A server that refuses every connection has not proved that it enforces TLS.
  expect(judgePlain(refusal('28000', 'no pg_hba.conf entry'), false).verdict).toBe('UNKNOWN')
  // An answer that everybody gets says nothing about TLS.
  expect(judgePlain(refusal('53300', 'sorry, too many clients already'), true)).toMatchObject({
    verdict: 'UNKNOWN',
    detail: expect.stringContaining('53300: sorry, too many clients already'),
  })
  expect(judgePlain(refusal('3D000', 'database "codexdb" does not exist'), true).verdict).toBe('UNKNOWN')
  expect(judgePlain('E\0', true).verdict).toBe('UNKNOWN')
  expect(judgePlain('', true).verdict).toBe('UNKNOWN')
})

test.each([
  [27, 'OK'],
  [28, 'WARNING'],
  [34, 'CRITICAL'],
])('%d of 35 connections: %s', (connections, verdict) => {
  expect(judgeConnections({ version: '16', connections, connectionsAllowed: 35, stored: 0 }).verdict).toBe(
    verdict,
  )
})

test.each([
  ['2026-11-22T01:00:00Z', 'OK'],
  ['2026-11-21T12:00:00Z', 'WARNING'],
  ['2026-11-20T11:00:00Z', 'CRITICAL'],
])('a newest backup of %s: %s', (completed, verdict) => {
  expect(judgeBackups([backup(completed)], server({}), now).verdict).toBe(verdict)
})

test('no backups: a new server may have none yet', () => {
  const created = (createdAt: string) => ({ ...server({}), systemData: { createdAt } }) as Resource
  expect(judgeBackups([], created('2026-11-23T11:00:00Z'), now).verdict).toBe('WARNING')
  expect(judgeBackups([], created('2026-11-01T11:00:00Z'), now).verdict).toBe('CRITICAL')
  expect(judgeBackups([], undefined, now).verdict).toBe('CRITICAL')
})

test('a stopped server, another version, a slow login, a missing table, a pending migration', async () => {
  const found = await find({
    server: { value: server({ state: 'Stopped' }) },
    times: { value: { dns: 2, tcp: 10, login: 1200 } },
    facts: { value: { version: '15.18', connections: 1, connectionsAllowed: 35, stored: 31.5 * 2 ** 30 } },
    tables: { value: [{ name: 'agents', rows: undefined, bytes: undefined }] },
    migrations: { value: { pending: [{ name: '0005_x.sql', sha256: '', sql: '' }], all: 5 } },
  })
  expect(Object.fromEntries(found.map(({ id, verdict }) => [id, verdict]))).toMatchObject({
    server: 'CRITICAL',
    version: 'WARNING',
    connection: 'WARNING',
    storage: 'CRITICAL',
    migrations: 'WARNING',
    'table-agents': 'CRITICAL',
  })
  expect(found[0]?.next).toContain('az postgres flexible-server start')
  expect(worstVerdict(found)).toBe('CRITICAL')
  expect(worstVerdict(await find({ plain: { failure: new Error('x') } }))).toBe('UNKNOWN')
})
