import type { Query } from '../../shell/command.ts'
import type { Context } from '../../tasks/task.ts'
import { formatCount } from '../../util/format.ts'
import { quoteName } from '../sql.ts'

/** What is compared between a table and its restored copy. */
interface TableContent {
  schema: string
  name: string
  rows: number
  /** The sum of 64 bits of the SHA-256 of each row's text, which does not depend on the order of the rows. */
  checksum: string
}

export interface Content {
  tables: TableContent[]
  /** The number of indexes, constraints, triggers, views, functions and sequences, by kind. */
  objects: Record<string, number>
}

/** Makes the text of a row independent of the settings of server and role. */
const plainText = `SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL search_path = ''; SET LOCAL row_security = off; SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = 'postgres'; SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'`

/** Reads the content within one snapshot and passes both to `use` while the snapshot is open. */
export async function withSnapshot<T>(
  context: Context,
  database: string | undefined,
  use: (content: Content, snapshot: string) => T | Promise<T>,
): Promise<T> {
  const { runner } = context
  const [row] = await runner.query<{ snapshot: string }>({
    text: `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${plainText}; SELECT pg_catalog.pg_export_snapshot() AS snapshot`,
    effect: 'read',
    title: 'snapshot of the database',
    database,
  })
  try {
    return await use(await readContent(context, database), row!.snapshot)
  } finally {
    await runner.query({ text: 'ROLLBACK', effect: 'read', database }).catch(() => {})
  }
}

/** Excludes objects that belong to an extension. */
const notOfExtension = (catalog: string, alias: string) => `NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
  WHERE d.classid = 'pg_catalog.${catalog}'::pg_catalog.regclass AND d.objid = ${alias}.oid AND d.deptype = 'e')`
const ownSchema = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`

const tablesText = `SELECT n.nspname AS schema, c.relname AS name FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND ${ownSchema} AND ${notOfExtension('pg_class', 'c')} ORDER BY 1, 2`

const objectsText = `SELECT kind, count(*)::int AS number FROM (
SELECT CASE c.relkind WHEN 'i' THEN 'indexes' WHEN 'I' THEN 'indexes' WHEN 'S' THEN 'sequences' ELSE 'views' END AS kind
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('i', 'I', 'S', 'v', 'm') AND c.relpersistence <> 't' AND ${ownSchema} AND ${notOfExtension('pg_class', 'c')}
UNION ALL SELECT 'constraints' FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
  WHERE c.contype IN ('c', 'f', 'p', 'u', 'x') AND ${ownSchema} AND ${notOfExtension('pg_constraint', 'c')}
UNION ALL SELECT 'triggers' FROM pg_catalog.pg_trigger t WHERE NOT t.tgisinternal AND ${notOfExtension('pg_trigger', 't')}
UNION ALL SELECT 'functions' FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  WHERE ${ownSchema} AND ${notOfExtension('pg_proc', 'p')}
) AS each GROUP BY kind ORDER BY kind`

export const countQuery = (schema: string, name: string): Query => ({
  text: `SELECT count(*)::text AS rows FROM ONLY ${quoteName(schema)}.${quoteName(name)}`,
  effect: 'read',
  title: `rows of ${schema}.${name}`,
})

/** Reads every row of every table. */
async function readContent({ runner }: Context, database: string | undefined): Promise<Content> {
  const ask = <Row>(text: string, title: string) =>
    runner.query<Row>({ text, title, effect: 'read', database })
  const found = await ask<{ schema: string; name: string }>(tablesText, 'names of the tables')
  const tables: TableContent[] = []
  for (const { schema, name } of found) {
    const [row] = await ask<{ rows: string; checksum: string }>(
      `SELECT count(*)::text AS rows, coalesce(sum(('x' || encode(substr(sha256(convert_to(t::text, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint), 0)::text AS checksum FROM ONLY ${quoteName(schema)}.${quoteName(name)} AS t`,
      `rows and checksum of ${schema}.${name}`,
    )
    tables.push({ schema, name, rows: Number(row!.rows), checksum: row!.checksum })
  }
  const objects = await ask<{ kind: string; number: number }>(objectsText, 'number of objects of each kind')
  return { tables, objects: Object.fromEntries(objects.map(({ kind, number }) => [kind, number])) }
}

/** Lists how `restored` differs from `wanted`, one line per difference. */
export function compareContent(wanted: Content, restored: Content): string[] {
  const byName = ({ tables }: Content) =>
    new Map(tables.map((table) => [`${table.schema}.${table.name}`, table]))
  const [expected, found] = [byName(wanted), byName(restored)]
  const differences: string[] = []
  for (const [name, { rows, checksum }] of expected) {
    const other = found.get(name)
    if (!other) differences.push(`${name} is missing`)
    else if (other.rows !== rows)
      differences.push(`${name} has ${formatCount(other.rows, 'row')}; the backup had ${rows}`)
    else if (other.checksum !== checksum)
      differences.push(`${name} has the same number of rows, but different content`)
  }
  for (const name of found.keys()) if (!expected.has(name)) differences.push(`${name} was not in the backup`)
  for (const kind of Object.keys({ ...wanted.objects, ...restored.objects })) {
    const [before, now] = [wanted.objects[kind] ?? 0, restored.objects[kind] ?? 0]
    if (before !== now) differences.push(`${now} ${kind}; the backup had ${before}`)
  }
  return differences
}

export const countRows = ({ tables }: Content): number => tables.reduce((sum, { rows }) => sum + rows, 0)

/** `9 tables, 160 rows`. */
export const describeContent = (content: Content): string =>
  `${formatCount(content.tables.length, 'table')}, ${formatCount(countRows(content), 'row')}`
