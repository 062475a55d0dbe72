import { expect, test } from 'vitest'
import { compareContent, withSnapshot } from '../../../lib/database/backup/content.ts'
import {
  createBeforeName,
  createDatabaseQuery,
  createTemporaryName,
  isTemporary,
  renameDatabases,
  renameDatabasesQuery,
} from '../../../lib/database/databases.ts'
import { getFailure, loadTestConfig, openRunner } from '../../support/helpers.ts'
import { startPostgres } from '../../support/postgres.ts'

async function served() {
  const client = await startPostgres()
  const runner = openRunner({
    openDatabase: async () => ({
      times: { dns: 0, tcp: 0, login: 0 },
      async query<Row>({ text, values }: { text: string; values?: readonly unknown[] }) {
        const result = await (values ? client.query(text, [...values]) : client.query(text))
        return (Array.isArray(result) ? result.at(-1) : result).rows as Row[]
      },
      close: async () => {},
    }),
  })
  const context = { config: await loadTestConfig(), runner }
  const read = () => withSnapshot(context, undefined, (content) => content)
  return { client, context, read }
}

test('a real server: the order of rows and the settings of a role do not matter, but every value does', async () => {
  const { client, read } = await served()
  await client.query(`CREATE SCHEMA "Odd ""one"; CREATE TABLE "Odd ""one"."a table" (at timestamptz, x float8, b bytea);
CREATE TABLE t (id int PRIMARY KEY, name text, note text GENERATED ALWAYS AS (name || '!') STORED);
CREATE INDEX ON t (name); CREATE VIEW v AS SELECT 1 AS one; CREATE TEMPORARY TABLE passing (id int)`)
  await client.query(`INSERT INTO t VALUES (1, 'a'), (2, NULL), (3, 'ü')`)
  await client.query(
    `INSERT INTO "Odd ""one"."a table" VALUES ('2026-01-01 12:00+02', 0.1, '\\x00ff'), (now(), 1e300, '')`,
  )
  const first = await read()
  expect(first.tables.map(({ schema, name, rows }) => [schema, name, rows])).toEqual([
    ['Odd "one', 'a table', 2],
    ['public', 't', 3],
  ])
  expect(first.objects).toMatchObject({ indexes: 2, constraints: 1, views: 1 })

  await client.query('DELETE FROM t WHERE id = 1')
  await client.query(`INSERT INTO t VALUES (1, 'a')`)
  await client.query(`SET timezone = 'Asia/Tokyo'`)
  await client.query(`SET extra_float_digits = -3`)
  expect(compareContent(first, await read())).toEqual([])

  await client.query(`UPDATE t SET name = 'b' WHERE id = 1`)
  expect(compareContent(first, await read())).toEqual([
    'public.t has the same number of rows, but different content',
  ])
  await client.query('DELETE FROM t WHERE id = 1; DROP VIEW v; CREATE TABLE more ()')
  await client.query('DROP TABLE "Odd ""one"."a table"')
  expect(compareContent(first, await read())).toEqual([
    'Odd "one.a table is missing',
    'public.t has 2 rows; the backup had 3',
    'public.more was not in the backup',
    '0 views; the backup had 1',
  ])
})

test('a real server: either all names change or none', async () => {
  const { client, context } = await served()
  const names = async () =>
    (await client.query('SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1')).rows.map(
      ({ datname }: { datname: string }) => datname,
    )
  const locale = { encoding: 'UTF8', provider: 'c', collate: 'C', ctype: 'C', locale: null }
  await client.query(createDatabaseQuery('live', locale, 'owner', 'change').text)
  await client.query(createDatabaseQuery('beside', locale, undefined, 'change').text)
  expect(
    await getFailure(
      renameDatabases(context, [
        ['live', 'before'],
        ['absent', 'live'],
      ]),
    ),
  ).toMatchObject({
    what: expect.stringContaining('all names are unchanged'),
    said: expect.stringContaining('absent'),
  })
  expect(await names()).toEqual(['beside', 'live', 'postgres'])
  await renameDatabases(context, [
    ['live', 'before'],
    ['beside', 'live'],
  ])
  expect(await names()).toEqual(['before', 'live', 'postgres'])
})

test('names of temporary databases are distinct and never longer than PostgreSQL allows', () => {
  const time = new Date('2026-11-23T01:02:03.456Z')
  expect(createTemporaryName('codexdb', 'prove', time)).toMatch(
    /^codexdb_prove_20261123t010203z_[0-9a-f]{4}$/,
  )
  expect(createBeforeName('codexdb', time)).toBe('codexdb_before_20261123t010203z')
  const long = 'x'.repeat(63)
  for (const name of [createTemporaryName(long, 'restore', time), createBeforeName(long, time)])
    expect(name).toHaveLength(63)
  expect(isTemporary(createTemporaryName(long, 'restore', time))).toBe(true)
  expect(isTemporary(createBeforeName('codexdb', time))).toBe(false)
})

test('hostile names are treated as names', () => {
  const { text } = renameDatabasesQuery([[`a"b'; DROP TABLE t; --`, 'c']])
  expect(text).toContain(`ALTER DATABASE "a""b'; DROP TABLE t; --" RENAME TO "c"`)
  expect(text).toContain(`IN ('a"b''; DROP TABLE t; --')`)
})
