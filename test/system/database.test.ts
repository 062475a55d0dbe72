import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { getManifestPath, type Manifest, readManifest } from '../../lib/database/backup/manifest.ts'
import { openDatabase } from '../../lib/database/connect.ts'
import { createRedactor } from '../../lib/shell/redactor.ts'
import type { Runner } from '../../lib/shell/runner.ts'
import { sha256OfFile } from '../../lib/util/files.ts'
import type { Finding } from '../../lib/util/verdict.ts'
import { createWorkFolder } from '../support/system/applications.ts'
import { listSecrets } from '../support/system/records.ts'
import { type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'
import { startSession } from '../support/system/sessions.ts'

/* The database is checked, backed up, verified and restored on a real server; and what prevents each. */

const work = createWorkFolder('dominion-database')
const server = '/postgres/codexdominion-db'
let clouds: Rehearsal
let secrets: ReturnType<typeof listSecrets>
/** A verified backup that no test touches. */
let good: string

beforeAll(async () => {
  clouds = await startRehearsal('sys-database')
  secrets = listSecrets(clouds)
  const { code, stderr } = await clouds.dominion(['deploy-complete', '--skip-ionos', '--quiet'])
  expect(code, stderr).toBe(0)
  await sql('CREATE ROLE reader')
  await sql('GRANT SELECT ON capsules TO reader')
  // Enough for a dump to take a moment, and for a byte in its middle to be data.
  await sql(
    `INSERT INTO metrics (name, value, unit, note) SELECT 'test.load', g, 'rows', md5(g::text) FROM generate_series(1, 150000) g`,
  )
})
afterAll(async () => {
  await clouds?.down()
  work.remove()
})

async function sql<Row>(text: string, database?: string): Promise<Row[]> {
  const context = { config: clouds.config, runner: { secrets: createRedactor() } as Runner }
  const connection = await openDatabase(context, database)
  try {
    return await connection.query<Row>({ text, effect: 'read' })
  } finally {
    await connection.close()
  }
}
const databases = async () =>
  (await sql<{ datname: string }>('SELECT datname FROM pg_database', 'postgres'))
    .map(({ datname }) => datname)
    .filter((name) => !/^(postgres|template\d)$/.test(name))
    .sort()
const getRows = async (table: string, database?: string) =>
  Number((await sql<{ rows: string }>(`SELECT count(*) AS rows FROM ${table}`, database))[0]!.rows)

async function run(...args: string[]) {
  return runIn(clouds.name, ...args)
}
async function runIn(environment: string, ...args: string[]) {
  const result = await clouds.dominion(args, { environment })
  secrets.said(result.stdout + result.stderr)
  return result
}
async function check(environment = clouds.name) {
  const { code, stdout } = await runIn(environment, 'check-database', '--json')
  const { findings } = JSON.parse(stdout) as { findings: Finding[] }
  const of = (id: string) => findings.find((each) => each.id === id)
  return { code, findings, of, stdout }
}

test('check-database: everything is known and OK', async () => {
  // Azure takes the first backup automatically, soon after the server is created.
  await expect.poll(async () => (await check()).of('backups')?.verdict, { timeout: 60_000 }).toBe('OK')
  const { code, findings, of, stdout } = await check()
  expect(code, stdout).toBe(0)
  expect(findings.filter(({ verdict }) => verdict !== 'OK')).toEqual([])
  expect(of('tls')?.detail).toBe('a plain connection was tried and refused')
  expect(of('backups')?.detail).toMatch(/newest \d{4}-.*; any moment from \d{4}-/)
  const { tables, times } = JSON.parse(stdout) as {
    tables: { name: string; rows: number; bytes: number }[]
    times: Record<string, number>
  }
  expect(Object.fromEntries(tables.map(({ name, rows }) => [name, rows]))).toMatchObject({
    agents: await getRows('agents'),
    metrics: await getRows('metrics'),
  })
  expect(tables.find(({ name }) => name === 'metrics')?.bytes).toBeGreaterThan(5e6)
  expect(Object.keys(times)).toEqual(['dns', 'tcp', 'login'])
})

test('a backup taken while rows are written is consistent: verified, and nothing is left on the server', async () => {
  const before = await getRows('metrics')
  let writing = true
  const writer = (async () => {
    for (; writing; await pause(20))
      await sql(`INSERT INTO metrics (name, value, unit) VALUES ('test.write', 1, 'rows')`)
  })()
  const { code, stdout, stderr } = await run('backup-database', '--prove', '--json')
  writing = false
  await writer
  expect(code, stderr).toBe(0)
  const { file, proven } = JSON.parse(stdout) as { file: string; proven: object }
  expect(proven).toMatchObject({ server: 'codexdominion-db' })
  const counted = readManifest(file).content.tables.find(({ name }) => name === 'metrics')!.rows
  expect(counted).toBeGreaterThanOrEqual(before)
  expect(counted).toBeLessThan(await getRows('metrics'))
  expect([file, getManifestPath(file)].map((each) => statSync(each).mode & 0o777)).toEqual([0o600, 0o600])
  expect(await databases()).toEqual(['codexdb'])
  good = path.join(work.folder, path.basename(file))
  for (const each of [file, getManifestPath(file)]) cpSync(each, path.join(work.folder, path.basename(each)))
})

test('--keep: the newest ones and the verified one are kept', async () => {
  const folder = path.join(clouds.config.stateDir, 'backups')
  const dumps = () => readdirSync(folder).filter((name) => name.endsWith('.dump'))
  const [proven] = dumps()
  await run('backup-database', '--quiet')
  const planned = await run('backup-database', '--keep', '1', '--dry-run')
  const unproven = dumps().find((name) => name !== proven)!
  expect(planned.stdout).toContain(`Would remove ${path.join(folder, unproven)}`)
  const { code, stdout } = await run('backup-database', '--keep', '1')
  expect(code).toBe(0)
  expect(stdout).toContain(`Removed ${path.join(folder, unproven)}`)
  expect(dumps()).toHaveLength(2)
  expect(dumps()).toContain(proven)
  expect(readdirSync(folder).sort()).toEqual(
    dumps()
      .flatMap((name) => [name, `${name}.json`])
      .sort(),
  )
})

/** A copy of the good backup, for a test to damage. */
function getCopy(name: string): string {
  const folder = path.join(work.folder, name)
  mkdirSync(folder)
  for (const file of [good, getManifestPath(good)]) cpSync(file, path.join(folder, path.basename(file)))
  return path.join(folder, path.basename(good))
}
const editManifest = (file: string, change: (manifest: Manifest) => Manifest) =>
  writeFileSync(getManifestPath(file), JSON.stringify(change(readManifest(file))))

test('a damaged backup is detected', async () => {
  const flip = (file: string) => {
    const bytes = readFileSync(file)
    const middle = Math.floor(bytes.length / 2)
    for (let at = middle; at < middle + 16; at++) bytes[at]! ^= 0xff
    writeFileSync(file, bytes)
  }
  const flipped = getCopy('flipped')
  flip(flipped)
  const cut = getCopy('cut')
  truncateSync(cut, statSync(cut).size - 1000)
  // Even with a matching checksum, the restore detects the damage.
  const rehashed = getCopy('rehashed')
  flip(rehashed)
  const sha256 = await sha256OfFile(rehashed)
  editManifest(rehashed, (manifest) => ({ ...manifest, sha256 }))
  const other = getCopy('other')
  editManifest(other, (manifest) => ({
    ...manifest,
    content: {
      ...manifest.content,
      tables: manifest.content.tables.map((each) =>
        each.name === 'agents' ? { ...each, checksum: '1' } : each,
      ),
    },
  }))
  const alone = path.join(work.folder, 'alone.dump')
  cpSync(good, alone)
  for (const [file, words] of [
    [flipped, /is damaged: its SHA-256 has changed/],
    [cut, /is damaged: it has \d+ of \d+ bytes/],
    [rehashed, /does not reproduce the database that it was taken from[\s\S]*(error|rows)/],
    [other, /public\.agents has the same number of rows, but different content/],
    [alone, /has no manifest, so it cannot be verified/],
    [path.join(work.folder, 'none.dump'), /Backup \S+ not found/],
  ] as const) {
    const { code, stderr } = await run('backup-database', '--prove', file)
    expect(code, stderr).toBe(file.endsWith('none.dump') ? 2 : 1)
    expect(stderr).toMatch(words)
  }
  expect(await databases()).toEqual(['codexdb'])
})

test('a killed verification leaves its database to the next run; an interrupted one leaves none', async () => {
  const killed = startSession(['backup-database', '--prove', good, '--env', clouds.name])
  await killed.until(/Restoring .* into codexdb_prove_/)
  await expect.poll(databases, { interval: 50, timeout: 30_000 }).toHaveLength(2)
  killed.kill('SIGKILL')
  await killed.ended
  const [left] = (await databases()).filter((name) => name !== 'codexdb')

  const stopped = startSession(['backup-database', '--prove', good, '--env', clouds.name])
  await stopped.until(/Removed the leftover of a killed run: [\s\S]*Restoring/)
  expect(stopped.said()).toContain(left)
  await expect.poll(databases, { interval: 50, timeout: 30_000 }).toHaveLength(2)
  stopped.kill('SIGINT')
  await pause(200)
  stopped.kill('SIGINT')
  const { code, said } = await stopped.ended
  expect(code, said).toBe(130)
  expect(await databases()).toEqual(['codexdb'])
})

test('restore-database: into a new database, never over an existing one', async () => {
  const args = ['restore-database', good, '--into', 'second']
  const planned = await run(...args, '--dry-run', '--detailed-exitcode')
  expect(planned.code, planned.stderr).toBe(2)
  expect(planned.stdout).toMatch(/\+ create +Database second[\s\S]*\$ pg_restore /)
  expect(await databases()).toEqual(['codexdb'])

  const first = startSession([...args, '--env', clouds.name])
  await first.until(/Deploy lock: ok/)
  // It would finish before another one could ask.
  first.kill('SIGSTOP')
  const locked = await run('restore-database', good, '--into', 'third')
  expect(locked.code, locked.stderr).toBe(5)
  expect(locked.stderr).toMatch(/Locked: \S+ has been running ".*--into second/)
  first.kill('SIGCONT')
  const done = await first.ended
  expect(done.code, done.said).toBe(0)
  expect(await databases()).toEqual(['codexdb', 'second'])
  const { content } = readManifest(good)
  for (const { name, rows } of content.tables) expect(await getRows(name, 'second'), name).toBe(rows)
  const [right] = await sql<{ may: boolean }>(
    `SELECT has_table_privilege('reader', 'capsules', 'SELECT') AS may`,
    'second',
  )
  expect(right).toEqual({ may: true })

  // Killed or not, the same line recognises its own work and does not touch what somebody else created.
  const again = await run(...args)
  expect(again.code, again.stderr).toBe(0)
  expect(again.stderr).toMatch(/second was restored from this backup/)
  await sql('CREATE DATABASE handmade', 'postgres')
  const other = await run('restore-database', good, '--into', 'handmade')
  expect(other.code).toBe(2)
  expect(other.stderr).toMatch(/The database handmade already exists/)
  expect(await databases()).toEqual(['codexdb', 'handmade', 'second'])
})

test('over the live one: only with its name, safe to kill anywhere, and the old one is kept', async () => {
  const args = ['restore-database', good, '--into', 'codexdb']
  const asked = await run(...args)
  expect(asked.code).toBe(2)
  expect(asked.stderr).toMatch(/--confirm=codexdb/)
  const other = await run(...args, '--confirm=second')
  expect(other.code).toBe(2)

  await sql(
    `INSERT INTO capsules (slug, topic, title, body) VALUES ('since-then', 'test', 'Since', 'Since then')`,
  )
  await sql(`ALTER DATABASE codexdb SET statement_timeout TO '17min'`)
  await sql('REVOKE CONNECT ON DATABASE codexdb FROM PUBLIC')
  await sql('GRANT CONNECT ON DATABASE codexdb TO reader')
  const planned = await run(...args, '--dry-run')
  expect(planned.stdout).toMatch(/pg_restore .*--use-list=/)
  expect(planned.stdout).toMatch(/GRANT CONNECT ON DATABASE "codexdb_restore_\w+" TO "reader"/)
  for (const ms of [200, 900]) {
    const session = startSession([...args, '--confirm=codexdb', '--env', clouds.name])
    await session.until(/restoring into codexdb_restore_/)
    await pause(ms)
    session.kill('SIGKILL')
    await session.ended
    expect(await getRows('capsules')).toBeGreaterThan(0) // The live name always has a database.
  }
  // Killed after the rename, while it waits for the backend: the same line does not restore a second time.
  const lost = clouds.variant('lost', { BACKEND_DNS_LABEL: 'not-there' })
  const session = startSession([...args, '--confirm=codexdb', '--env', lost])
  const renamed = async () => (await databases()).some((name) => name.includes('_before_'))
  await expect.poll(renamed, { interval: 100, timeout: 60_000 }).toBe(true)
  session.kill('SIGKILL')
  await session.ended
  const { code, stdout, stderr } = await run(...args, '--confirm=codexdb')
  expect(code, stderr).toBe(0)
  expect(stdout).toMatch(/It was not restored a second time/)
  expect((await databases()).filter((name) => name.includes('_before_'))).toHaveLength(1)
  const [kept] = await sql(
    `SELECT (SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = d.oid) AS settings, shobj_description(oid, 'pg_database') AS comment,
has_database_privilege('reader', oid, 'CONNECT') AS reader, has_database_privilege('pg_monitor', oid, 'CONNECT') AS others
FROM pg_database d WHERE datname = 'codexdb'`,
  )
  expect(kept).toEqual({ settings: ['statement_timeout=17min'], comment: null, reader: true, others: false })
  const before = /kept as (codexdb_before_\w+)/.exec(stdout)![1]!
  const slugs = `SELECT slug FROM capsules WHERE slug = 'since-then'`
  expect(await sql(slugs)).toEqual([])
  expect(await sql(slugs, before)).toHaveLength(1)
  expect((await databases()).filter((name) => /_restore_/.test(name))).toEqual([])
  expect((await check()).code).toBe(0)
})

test('a folder that is full or not writable is reported, and nothing is left in it', async () => {
  const small = path.join(work.folder, 'small')
  mkdirSync(small)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200k', 'tmpfs', small])
  try {
    const { code, stderr } = await run('backup-database', '--to', small)
    expect(code, stderr).toBe(1)
    expect(stderr).toMatch(
      /The disk is full[\s\S]*No space left on device[\s\S]*choose another folder with --to/,
    )
    expect(readdirSync(small)).toEqual([])
  } finally {
    execFileSync('umount', [small])
  }
  const file = await run('backup-database', '--to', path.join(good, 'in-a-file'))
  expect(file.code).toBe(1)
  expect(file.stderr).toMatch(/The folder .*in-a-file cannot be written to/)
})

test('pg_dump missing or too old: what to install', async () => {
  const bin = path.join(work.folder, 'bin')
  mkdirSync(bin)
  const withPath = (PATH: string) => clouds.dominion(['backup-database'], { env: { PATH } })
  const missing = await withPath(bin)
  expect(missing.code, missing.stderr).toBe(2)
  expect(missing.stderr).toMatch(/pg_dump is not installed[\s\S]*apt-get install postgresql-client-1\d/)
  writeFileSync(path.join(bin, 'pg_dump'), '#!/bin/sh\necho "pg_dump (PostgreSQL) 13.4"\n', { mode: 0o755 })
  const old = await withPath(bin)
  expect(old.code, old.stderr).toBe(2)
  expect(old.stderr).toMatch(/pg_dump is version 13\.4; a server of version \d+ needs/)
})

test('what is unknown is not OK, and the rest is shown', async () => {
  const offline = await check(clouds.variant('offline', { HTTPS_PROXY: 'http://127.0.0.1:9' }))
  expect(offline.code).toBe(3)
  expect(offline.of('server')).toMatchObject({ verdict: 'UNKNOWN' })
  expect(offline.of('table-agents')).toMatchObject({ verdict: 'OK' })

  const out = await check(clouds.variant('out', { AZURE_CONFIG_DIR: path.join(work.folder, 'az') }))
  expect(out.code).toBe(4)
  expect(out.of('backups')?.detail).toMatch(/Not logged in to Azure/)

  const wrong = clouds.variant('wrong', { POSTGRES_PASSWORD: 'Not-the-1-in-force' })
  const refused = await check(wrong)
  expect(refused.code).toBe(4)
  expect(refused.of('server')).toMatchObject({ verdict: 'OK' })
  expect(refused.of('connection')?.detail).toMatch(/refuses the password of codexadmin/)
  const backup = await runIn(wrong, 'backup-database')
  expect(backup.code, backup.stderr).toBe(4)

  await clouds.control(`${server}/stop`)
  try {
    const stopped = await check()
    expect(stopped.code).toBe(1)
    expect(stopped.of('server')).toMatchObject({ verdict: 'CRITICAL' })
    expect(stopped.of('tls')).toMatchObject({ verdict: 'UNKNOWN' })
    expect(stopped.of('backups')).toMatchObject({ verdict: 'OK' })
    expect(stopped.of('firewall')).toMatchObject({ verdict: 'OK' })
    for (const line of [['backup-database'], ['restore-database', good, '--into', 'fourth']]) {
      const silent = await run(...line)
      expect(silent.code, silent.stderr).toBe(3)
      expect(silent.stderr).toMatch(/cannot be reached[\s\S]*ECONNREFUSED/)
    }
  } finally {
    await clouds.control(`${server}/start`)
  }
})

test('faults are detected: a plain connection accepted, a migration pending, a table missing', async () => {
  const id = `/subscriptions/${clouds.config.azure.subscription}/resourceGroups/codexdominion-prod/providers/Microsoft.DBforPostgreSQL/flexibleServers/codexdominion-db`
  const secure = (value: string) =>
    execFileSync(
      'az',
      [
        ...[
          'rest',
          '--method',
          'put',
          '--body',
          JSON.stringify({ properties: { value, source: 'user-override' } }),
        ],
        ...[
          '--url',
          `https://management.azure.com${id}/configurations/require_secure_transport?api-version=2022-12-01`,
        ],
      ],
      { env: { ...process.env, ...clouds.config.network.azEnvironment } },
    )
  secure('off')
  await sql(`DELETE FROM schema_migrations WHERE name LIKE '0005%'`)
  await sql('ALTER TABLE capsules RENAME TO capsules_away')
  await expect.poll(async () => (await check()).of('tls')?.verdict, { timeout: 30_000 }).toBe('CRITICAL')
  const { code, of } = await check()
  expect(code).toBe(1)
  expect(of('migrations')).toMatchObject({ verdict: 'WARNING' })
  expect(of('migrations')?.detail).toMatch(/1 of \d+ are pending: 0005_/)
  expect(of('table-capsules')).toMatchObject({ verdict: 'CRITICAL', detail: 'does not exist' })
  expect(of('table-agents')).toMatchObject({ verdict: 'OK' })
})

test('no secret in anything that was printed, stored or passed as an argument', () => {
  expect(secrets.seen()).toEqual([])
})
