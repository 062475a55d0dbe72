import { Client } from 'pg'
import { expect, test } from 'vitest'
import { explainLost } from '../../../lib/database/connect.ts'
import {
  dropDatabase,
  maintenanceDatabase,
  renameDatabases,
  renameDatabasesQuery,
} from '../../../lib/database/databases.ts'
import { createMarkQuery, finishTask, parseMarker, readMarker } from '../../../lib/database/restore/marker.ts'
import { propertyQueries, readProperties } from '../../../lib/database/restore/properties.ts'
import type { Database } from '../../../lib/shell/runner.ts'
import { type Context, nothingAhead } from '../../../lib/tasks/task.ts'
import { getFailure, loadTestConfig, openRunner } from '../../support/helpers.ts'
import { startPostgres } from '../../support/postgres.ts'
import { createTask } from '../../support/tasks.ts'

/** A context whose runner reaches this server; `around` may break a connection. */
async function contextOn(
  server: Client,
  around: (database: string, text: string, ask: () => Promise<unknown>) => Promise<unknown> = (_d, _t, ask) =>
    ask(),
): Promise<Context> {
  const config = await loadTestConfig()
  const openDatabase = async (name = config.postgres.database): Promise<Database> => {
    const client = new Client({ host: server.host, user: 'owner', database: name })
    client.on('error', () => {})
    await client.connect()
    return {
      times: { dns: 0, tcp: 0, login: 0 },
      query: async <Row>({ text, values }: { text: string; values?: readonly unknown[] }) => {
        const ask = () => client.query(text, values ? [...values] : undefined)
        const result = (await around(name, text, ask)) as { rows: Row[] } | { rows: Row[] }[]
        return (Array.isArray(result) ? result.at(-1) : result)?.rows ?? []
      },
      close: () => client.end(),
    }
  }
  return { config, runner: openRunner({ openDatabase }) }
}

const names = async (server: Client): Promise<string[]> =>
  (await server.query(`SELECT datname FROM pg_database WHERE datname LIKE 'codexdb%' ORDER BY 1`)).rows.map(
    ({ datname }) => datname,
  )

test('after a connection breaks during a rename, the names are looked up or reported as unknown', async () => {
  const server = await startPostgres()
  await server.query('CREATE DATABASE codexdb')
  await server.query('CREATE DATABASE codexdb_beside')
  const renames = [
    ['codexdb', 'codexdb_before'],
    ['codexdb_beside', 'codexdb'],
  ] as const
  const breaking = (when: 'before' | 'after', reachable = true) => {
    let broken = false
    const lost = new Error('Connection terminated unexpectedly')
    return contextOn(server, async (database, text, ask) => {
      if (broken && (database === maintenanceDatabase || !reachable)) throw lost
      if (text !== renameDatabasesQuery(renames).text) return ask()
      broken = true
      if (when === 'after') await ask()
      throw lost
    })
  }
  const reached = await breaking('before')
  expect(await getFailure(renameDatabases(reached, renames))).toMatchObject({
    what: expect.stringContaining('could not be renamed'),
    exitCode: 1,
  })
  await reached.runner.close()
  expect(await names(server)).toEqual(['codexdb', 'codexdb_beside'])
  const silent = await breaking('before', false)
  expect(await getFailure(renameDatabases(silent, renames))).toMatchObject({
    what: expect.stringContaining('Could not determine whether the databases were renamed'),
    exitCode: 3,
  })
  await silent.runner.close()
  await renameDatabases(await breaking('after'), renames)
  expect(await names(server)).toEqual(['codexdb', 'codexdb_before'])
})

test('a session ended by the server, and every later query, has an unknown result', async () => {
  const server = await startPostgres()
  const client = new Client({ host: server.host, user: 'owner', database: 'postgres' })
  client.on('error', () => {})
  await client.connect()
  const explained = (text: string) =>
    client.query(text).catch((thrown) => {
      throw explainLost('db', thrown)
    })
  await expect(explained('SELECT nonsense')).rejects.toMatchObject({ code: '42703' })
  const broke = { what: 'The connection to the database db was lost', exitCode: 3 }
  expect(await getFailure(explained('SELECT pg_terminate_backend(pg_backend_pid())'))).toMatchObject(broke)
  expect(await getFailure(explained('SELECT 1'))).toMatchObject(broke)
})

test('settings and rights of a database are copied to its replacement', async () => {
  const server = await startPostgres()
  const context = await contextOn(server)
  for (const text of [
    'CREATE DATABASE codexdb',
    'CREATE DATABASE "codex new"',
    'CREATE ROLE "the app"',
    'CREATE ROLE reader',
    `ALTER DATABASE codexdb SET search_path TO app, "$user", "odd, ""name"`,
    `ALTER DATABASE codexdb SET statement_timeout TO '30s'`,
    `ALTER DATABASE codexdb SET codex.motto TO 'it''s = so'`,
    'ALTER ROLE "the app" IN DATABASE codexdb SET work_mem TO 8192',
    'REVOKE CONNECT ON DATABASE codexdb FROM PUBLIC',
    'GRANT CONNECT ON DATABASE codexdb TO reader',
    'GRANT CONNECT, CREATE ON DATABASE codexdb TO "the app" WITH GRANT OPTION',
    'ALTER DATABASE codexdb CONNECTION LIMIT 40',
  ])
    await server.query(text)
  const wanted = await readProperties(context, 'codexdb')
  expect(wanted.settings).toHaveLength(4)
  expect(wanted.rights).toHaveLength(4)
  for (const { text } of propertyQueries('codex new', wanted)) await server.query(text)
  expect(await readProperties(context, 'codex new')).toEqual(wanted)
  expect(propertyQueries('x', await readProperties(context, 'postgres'))).toEqual([])
})

test('a database that a superuser holds for a moment is dropped once it is free', async () => {
  const server = await startPostgres()
  const refusals: (string | undefined)[] = ['42501', '55006', undefined]
  const context = await contextOn(server, async (_, text, ask) => {
    const code = text.startsWith('DROP') ? refusals.shift() : undefined
    if (code) throw Object.assign(new Error('held'), { code })
    return ask()
  })
  await server.query('CREATE DATABASE codexdb')
  await dropDatabase(context, 'codexdb', 0)
  expect(refusals).toEqual([])
  const { rowCount } = await server.query(`SELECT 1 FROM pg_database WHERE datname = 'codexdb'`)
  expect(rowCount).toBe(0)
  refusals.push(...Array(5).fill('55006'), 'never')
  await expect(dropDatabase(context, 'codexdb', 0)).rejects.toThrow('held')
  expect(refusals).toEqual(['never'])
  refusals.splice(0, 1, '3D000', 'never')
  await expect(dropDatabase(context, 'codexdb', 0)).rejects.toThrow('held')
  expect(refusals).toEqual(['never'])
})

test('the mark of a restore is recognised, and removed from the live database when it is finished', async () => {
  const sha256 = 'ab'.repeat(32)
  expect(parseMarker(null)).toBeUndefined()
  expect(parseMarker('what a person wrote')).toBeUndefined()
  const server = await startPostgres()
  const context = await contextOn(server)
  await server.query('CREATE DATABASE codexdb')
  await server.query('CREATE DATABASE codexdb_before')
  await server.query(`COMMENT ON DATABASE codexdb_before IS 'the archive'`)
  const step = finishTask(context, createTask('restore'), createTask('backend'))
  const marks = [{ sha256 }, { sha256, unfinished: { before: undefined } }]
  for (const mark of marks) {
    await server.query(createMarkQuery('codexdb', mark).text)
    expect(await readMarker(context, 'codexdb')).toEqual(mark)
  }
  await server.query(createMarkQuery('codexdb', { sha256, unfinished: { before: 'codexdb_before' } }).text)
  const difference = await step.inspect(nothingAhead)
  expect(difference).toMatchObject({
    state: 'change',
    effects: [{ text: `COMMENT ON DATABASE "codexdb" IS 'the archive'`, effect: 'change' }],
  })
  await server.query(`COMMENT ON DATABASE codexdb IS 'the archive'`)
  expect(await step.inspect(nothingAhead)).toMatchObject({ state: 'ok' })
})
