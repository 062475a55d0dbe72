import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { getPending, migrationQuery, readMigrations } from '../../../lib/database/migrations.ts'
import { home, temporaryFolder } from '../../support/helpers.ts'

const own = path.join(home, 'infra', 'migrations')
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

test('the project’s migrations: every file in the order of its number, without a gap', () => {
  const all = readMigrations()
  expect(all.map(({ name }) => name)).toEqual(readdirSync(own).sort())
  expect(all.map(({ name }) => Number(name.slice(0, 4)))).toEqual(all.map((_, index) => index + 1))
  for (const { name, sql, sha256: sum } of all) {
    expect(sql).toBe(readFileSync(path.join(own, name), 'utf8'))
    expect(sum).toBe(sha256(sql))
  }
})

test('they create the tables of the application and leave the transaction to the tool', () => {
  const sql = readMigrations()
    .map((each) => each.sql)
    .join('\n')
  for (const table of ['councils', 'agents', 'workflows', 'metrics', 'capsules', 'write_log']) {
    expect(sql).toMatch(new RegExp(`CREATE TABLE ${table} \\(`))
  }
  expect(sql).not.toMatch(/^\s*(BEGIN|COMMIT|ROLLBACK)\s*;/im)
})

test('only files named as migrations count, in the order of their names', () => {
  const folder = temporaryFolder()
  for (const name of [
    '0010_c.sql',
    '0002_b.sql',
    '0001_a.sql',
    'notes.md',
    '1_x.sql',
    '0003_B.sql',
    '0004_x.sql.bak',
  ]) {
    writeFileSync(path.join(folder, name), `-- ${name}`)
  }
  expect(readMigrations(folder).map(({ name }) => name)).toEqual(['0001_a.sql', '0002_b.sql', '0010_c.sql'])
})

test('line ends do not count, because git may change them; everything else does', () => {
  const folder = temporaryFolder()
  const read = (text: string) => {
    writeFileSync(path.join(folder, '0001_a.sql'), text)
    return readMigrations(folder)[0]!
  }
  const unix = read('SELECT 1;\nSELECT 2;\n')
  expect(read('SELECT 1;\r\nSELECT 2;\r\n')).toEqual(unix)
  expect(read('SELECT 1;\nSELECT 2; \n').sha256).not.toBe(unix.sha256)
})

const migration = (name: string, sql = name) => ({ name, sql, sha256: sha256(sql) })
const all = [migration('0001_a.sql'), migration('0002_b.sql'), migration('0003_c.sql')]

test('the pending migrations', () => {
  expect(getPending(all, [])).toEqual(all)
  expect(getPending(all, all.slice(0, 2))).toEqual([all[2]])
  expect(getPending(all, all)).toEqual([])
  expect(getPending(all, [...all, migration('0004_of_a_newer_version.sql')])).toEqual([])
})

test('a migration that was edited after it was applied is refused by name', () => {
  const edited = [all[0]!, migration('0002_b.sql', 'edited'), migration('0003_c.sql', 'too')]
  expect(() => getPending(edited, all)).toThrow('0002_b.sql, 0003_c.sql was edited after it was applied')
  expect(() => getPending(edited, all.slice(0, 1))).not.toThrow()
})

test('one migration is one transaction, with the lock first and its entry in the ledger', () => {
  const { text, effect, title } = migrationQuery(migration('0001_a.sql', 'CREATE TABLE t ();\n\n'))
  expect([effect, title]).toEqual(['change', '0001_a.sql'])
  const order = [
    'BEGIN;',
    'pg_advisory_xact_lock',
    'CREATE TABLE IF NOT EXISTS schema_migrations',
    'INSERT INTO schema_migrations',
    'CREATE TABLE t ();',
    'COMMIT;',
  ]
  const places = order.map((words) => text.indexOf(words))
  expect(places).toEqual([...places].sort((a, b) => a - b))
  expect(places).not.toContain(-1)
  expect(text).toContain(`('0001_a.sql', '${sha256('CREATE TABLE t ();\n\n')}')`)
})
