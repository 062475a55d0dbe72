import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { Client } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { createAzure } from '../../../lib/azure/client.ts'
import { getApplicationLogin } from '../../../lib/config/applicationLogin.ts'
import type { Config } from '../../../lib/config/config.ts'
import { applicationRoleTask, rightsQuery } from '../../../lib/database/applicationRole.ts'
import { migrationQuery, readMigrations } from '../../../lib/database/migrations.ts'
import type { Query } from '../../../lib/shell/command.ts'
import type { Database, Runner } from '../../../lib/shell/runner.ts'
import { executeTasks } from '../../../lib/tasks/engine.ts'
import { nothingAhead } from '../../../lib/tasks/task.ts'
import { getFailure, loadTestConfig, openRunner } from '../../support/helpers.ts'
import { startPostgres } from '../../support/postgres.ts'
import { createTask } from '../../support/tasks.ts'

/* The application's role on a real PostgreSQL, whose administrator is as weak as Azure's. */

const ownPassword = 'Good-Horse-9-battery'
const before = readMigrations().filter(({ name }) => name < '0008')

interface Server {
  config: Config
  /** A new one for each run. */
  openRunner(): Runner
  as(user: string, password: string, database?: string): Promise<Client>
  asOwner(database?: string): Promise<Client>
  asApplication(database?: string): Promise<Client>
}

/** A server with the database codexdb, in the state that an older deployment left. */
async function startServer(): Promise<Server> {
  const root = await startPostgres()
  const folder = root.host
  await root.query(`CREATE ROLE codexadmin LOGIN CREATEDB CREATEROLE PASSWORD '${ownPassword}'`)
  await root.query('GRANT pg_read_all_stats, pg_signal_backend TO codexadmin')
  writeFileSync(
    path.join(folder, 'data', 'pg_hba.conf'),
    'local all owner trust\nlocal all all scram-sha-256\n',
  )
  await root.query('SELECT pg_reload_conf()')
  const as = async (user: string, password: string, database = 'codexdb') => {
    const client = new Client({ host: folder, user, password, database })
    client.on('error', () => {})
    await client.connect()
    onTestFinished(() => client.end().catch(() => {}))
    return client
  }
  const config = await loadTestConfig(`POSTGRES_PASSWORD=${ownPassword}`)
  const logins = openRunner()
  const asOwner = (database?: string) => as('codexadmin', ownPassword, database)
  const asApplication = async (database?: string) => {
    const { user, password } = await getApplicationLogin(config, logins)
    return as(user, password, database)
  }
  const openDatabase = async (name?: string, whose?: Query['as']): Promise<Database> => {
    const client = await (whose ? asApplication(name) : asOwner(name))
    return {
      times: { dns: 0, tcp: 0, login: 0 },
      async query<Row>({ text, values }: Query) {
        const result = await (values ? client.query(text, [...values]) : client.query(text))
        return (Array.isArray(result) ? result.at(-1) : result).rows as Row[]
      },
      close: async () => {},
    }
  }
  await (await asOwner('postgres')).query('CREATE DATABASE codexdb')
  const owner = await asOwner()
  for (const each of before) await owner.query(migrationQuery(each).text)
  return {
    config,
    as,
    asOwner,
    asApplication,
    openRunner: () => openRunner({ openDatabase, mayChange: true }),
  }
}

/** Runs the task as a run does that manages the database. */
async function giveRole(server: Server) {
  const { config } = server
  const runner = server.openRunner()
  const database = createTask('database')
  const context = { config, runner }
  const task = applicationRoleTask(context, { azure: createAzure(context), after: [], database })
  const never = new AbortController().signal
  const options = { mode: 'apply' as const, runner, stopping: never, signal: never }
  const [, outcome] = await executeTasks([database, task], options)
  expect(outcome?.error).toBeUndefined()
  return outcome!.state
}

test('an older deployment gets the role without a change for its own login, and the second run changes nothing', async () => {
  const server = await startServer()
  const running = await server.asOwner()
  await running.query('BEGIN; SELECT count(*) FROM councils')
  expect(await giveRole(server)).toBe('create')
  await running.query(`INSERT INTO metrics (name, value, unit) VALUES ('test.open', 1, 'rows'); COMMIT`)
  expect(await giveRole(server)).toBe('ok')
  const app = await server.asApplication()
  expect((await app.query('SELECT current_user AS name')).rows).toEqual([{ name: 'codexdb_app' }])
  await expect(server.as('codexdb_app', 'wrong')).rejects.toThrow('password authentication failed')
  // The migration itself comes later, with the next `provision`, and may find everything done.
  const own = await server.asOwner()
  await own.query(migrationQuery(readMigrations().find(({ name }) => name.startsWith('0008'))!).text)
  expect(await giveRole(server)).toBe('ok')
})

test('the role reads and writes rows of all tables, also of later ones', async () => {
  const server = await startServer()
  await giveRole(server)
  const owner = await server.asOwner()
  await owner.query('CREATE TABLE later (id serial PRIMARY KEY, word text)')
  const app = await server.asApplication()
  for (const table of ['councils', 'agents', 'workflows', 'metrics', 'capsules', 'write_log', 'later'])
    await app.query(`SELECT count(*) FROM ${table}`)
  await app.query(`INSERT INTO later (word) VALUES ('a')`)
  await app.query(`INSERT INTO metrics (name, value, unit) VALUES ('test.role', 1, 'rows')`)
  await app.query(`INSERT INTO write_log (by, method, path, status) VALUES ('operator', 'POST', '/', 202)`)
  expect((await app.query(`UPDATE councils SET purpose = purpose || '.'`)).rowCount).toBeGreaterThan(0)
  expect((await app.query(`DELETE FROM metrics WHERE name = 'test.role'`)).rowCount).toBe(1)
})

test('everything else is refused', async () => {
  const server = await startServer()
  await (await server.asOwner('postgres')).query('CREATE DATABASE neighbour')
  const neighbour = await server.asOwner('neighbour')
  await neighbour.query('CREATE TABLE secrets (word text)')
  await giveRole(server)
  const app = await server.asApplication()
  for (const statement of [
    'DROP TABLE capsules',
    'TRUNCATE capsules',
    'ALTER TABLE capsules ADD COLUMN x text',
    'CREATE TABLE public.mine (x text)',
    'CREATE SCHEMA mine',
    `CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
    'CREATE ROLE friend',
    'ALTER ROLE codexdb_app CREATEROLE',
    `ALTER ROLE codexadmin PASSWORD 'mine'`,
    'SET ROLE codexadmin',
    'CREATE DATABASE mine',
    'DROP DATABASE neighbour',
    'ALTER DATABASE codexdb RENAME TO mine',
    'DELETE FROM write_log',
    `UPDATE write_log SET by = 'nobody'`,
    'SELECT * FROM schema_migrations',
    'DELETE FROM schema_migrations',
    `INSERT INTO schema_migrations (name, sha256) VALUES ('9999_x.sql', 'x')`,
    `COPY capsules TO PROGRAM 'true'`,
    `SELECT pg_read_file('/etc/passwd')`,
  ])
    await expect(app.query(statement), statement).rejects.toThrow(
      /permission denied|must be owner|must be superuser/,
    )
  const elsewhere = await server.asApplication('neighbour')
  await expect(elsewhere.query('SELECT * FROM secrets')).rejects.toThrow('permission denied')
  await expect(elsewhere.query('CREATE TABLE public.mine (x text)')).rejects.toThrow('permission denied')
})

test('a table of somebody else stops neither the migration nor the role, and stays theirs', async () => {
  const server = await startServer()
  const root = await server.as('owner', '')
  await root.query('CREATE TABLE public.theirs (word text)')
  expect(await giveRole(server)).toBe('create')
  expect(await giveRole(server)).toBe('ok')
  const app = await server.asApplication()
  await expect(app.query('SELECT * FROM theirs')).rejects.toThrow('permission denied')
})

test('a role of that name that can log in already keeps its login', async () => {
  const server = await startServer()
  await (await server.asOwner()).query(`CREATE ROLE codexdb_app LOGIN PASSWORD 'reports'`)
  const context = { config: server.config, runner: server.openRunner() }
  const options = { azure: createAzure(context), after: [], database: createTask('database') }
  const { what } = await getFailure(applicationRoleTask(context, options).inspect(nothingAhead))
  expect(what).toContain('already has a role codexdb_app of somebody else')
  await server.as('codexdb_app', 'reports')
})

test('a lost right is granted again, and a password that was changed is set again', async () => {
  const server = await startServer()
  await giveRole(server)
  await (await server.asOwner()).query('REVOKE INSERT ON capsules FROM codexdb_app')
  expect(await giveRole(server)).toBe('change')
  const app = await server.asApplication()
  const { rows } = await app.query(`SELECT has_table_privilege('capsules', 'INSERT') AS granted`)
  expect(rows).toEqual([{ granted: true }])
  await (await server.asOwner()).query(`ALTER ROLE codexdb_app PASSWORD 'by-hand'`)
  await expect(server.asApplication()).rejects.toThrow('password authentication failed')
  expect(await giveRole(server)).toBe('create')
  await server.asApplication()
})

test('a backup from before the role, restored beside the live database, serves the application after the rename', async () => {
  const server = await startServer()
  await giveRole(server)
  const maintenance = await server.asOwner('postgres')
  await maintenance.query('CREATE DATABASE codexdb_restore')
  const restored = await server.asOwner('codexdb_restore')
  for (const each of before) await restored.query(migrationQuery(each).text)
  await server.openRunner().query(rightsQuery(server.config, 'codexdb_restore'))
  const app = await server.asApplication('codexdb_restore')
  await app.query(`INSERT INTO metrics (name, value, unit) VALUES ('test.restored', 1, 'rows')`)
  const { rows } = await maintenance.query(`SELECT rolname FROM pg_roles WHERE rolname LIKE 'codexdb%'`)
  expect(rows).toEqual([{ rolname: 'codexdb_app' }])
})
