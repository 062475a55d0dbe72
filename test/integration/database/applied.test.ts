import { expect, test } from 'vitest'
import { migrationQuery, migrationTask, readMigrations } from '../../../lib/database/migrations.ts'
import { executeTasks } from '../../../lib/tasks/engine.ts'
import { loadTestConfig, openRunner } from '../../support/helpers.ts'
import { startPostgres } from '../../support/postgres.ts'
import { createTask } from '../../support/tasks.ts'

test('a real database: planned, created, unchanged the second time, and nothing kept of a failing migration', async () => {
  const client = await startPostgres()
  const openDatabase = async () => ({
    times: { dns: 0, tcp: 0, login: 0 },
    async query<Row>({ text, values }: { text: string; values?: readonly unknown[] }) {
      const result = await (values ? client.query(text, [...values]) : client.query(text))
      return (Array.isArray(result) ? result.at(-1) : result).rows as Row[]
    },
    close: async () => {},
  })
  const config = await loadTestConfig()
  const perform = async (mode: 'plan' | 'apply') => {
    const runner = openRunner({ openDatabase, mayChange: mode === 'apply' })
    const never = new AbortController().signal
    const database = createTask('database')
    const [, outcome] = await executeTasks([database, migrationTask({ config, runner }, database)], {
      ...{ mode, runner, stopping: never, signal: never },
    })
    return { outcome, count: runner.count }
  }
  const tables = async () =>
    (
      await client.query(`SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`)
    ).rows.map((row: { table_name: string }) => row.table_name)
  const all = readMigrations()

  const planned = await perform('plan')
  expect(planned.outcome).toMatchObject({
    state: 'create',
    difference: { what: `apply ${all.length} of ${all.length} migrations` },
  })
  expect(await tables()).toEqual([])

  const first = await perform('apply')
  expect(first.outcome?.error).toBeUndefined()
  expect(first.count.change).toBe(all.length)
  expect((await tables()).sort()).toEqual(
    expect.arrayContaining(['agents', 'capsules', 'councils', 'metrics', 'schema_migrations', 'workflows']),
  )

  const second = await perform('apply')
  expect(second.outcome).toMatchObject({
    state: 'ok',
    difference: { reason: `all ${all.length} migrations are applied` },
  })
  expect(second.count.change).toBe(0)

  const broken = migrationQuery({
    name: '9999_x.sql',
    sha256: 'x',
    sql: 'CREATE TABLE half (); SELECT nonsense',
  })
  await expect(client.query(broken.text)).rejects.toThrow('nonsense')
  await client.query('ROLLBACK')
  expect(await tables()).not.toContain('half')
  const { rows } = await client.query('SELECT name FROM schema_migrations ORDER BY name')
  expect(rows).toEqual(all.map(({ name }) => ({ name })))

  await client.query(`UPDATE schema_migrations SET sha256 = 'other' WHERE name = $1`, [all[0]!.name])
  const edited = await perform('apply')
  expect(edited.outcome?.state).toBe('failed')
  expect(String(edited.outcome?.error)).toContain(`${all[0]!.name} was edited after it was applied`)
})
