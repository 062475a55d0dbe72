import type { Query } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
import { formatCount } from '../../util/format.ts'
import { quoteName } from '../sql.ts'

/** One table, as it can be compared with a restored one. */
export interface TableContent {
  schema: string
  name: string
  rows: number
  /** Sum of 64 bits of the SHA-256 of each row's text; the order of rows does not count. */
  checksum: string
}

/** What a database holds. */
export interface Content {
  tables: TableContent[]
  /** How many there are of each other kind: indexes, constraints, triggers, views, functions, sequences. */
  objects: Record<string, number>
}

/** Makes the text of a row the same whatever the server and the role are set to. */
const plainText = `SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL search_path = ''; SET LOCAL row_security = off; SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = 'postgres'; SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'`

/** One moment of the database, for as long as the transaction is open. */
export const beginSnapshot = (database?: string): Query => ({
  text: `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${plainText}; SELECT pg_catalog.pg_export_snapshot() AS snapshot`,
  effect: 'read',
  title: 'one moment of the database, held open',
  ...(database ? { database } : {}),
})

export const endSnapshot = (database?: string): Query => ({
  text: 'ROLLBACK',
  effect: 'read',
  ...(database ? { database } : {}),
})

/** What belongs to an extension comes with the extension. */
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

/** How many rows a table has now. */
export const countQuery = (schema: string, name: string): Query => ({
  text: `SELECT count(*)::text AS rows FROM ONLY ${quoteName(schema)}.${quoteName(name)}`,
  effect: 'read',
  title: `rows of ${schema}.${name}`,
})

/** Rows and checksum of one table; every row is read. */
export function tableQuery(schema: string, name: string, database?: string): Query {
  const table = `${quoteName(schema)}.${quoteName(name)}`
  return {
    text: `SELECT count(*)::text AS rows, coalesce(sum(('x' || encode(substr(sha256(convert_to(t::text, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint), 0)::text AS checksum FROM ONLY ${table} AS t`,
    effect: 'read',
    title: `rows and checksum of ${schema}.${name}`,
    ...(database ? { database } : {}),
  }
}

/** Reads every row of the open snapshot. Call between beginSnapshot and endSnapshot of the same database. */
export async function readContent({ runner }: Context, database?: string): Promise<Content> {
  const ask = <Row>(text: string, title: string) =>
    runner.query<Row>({ text, title, effect: 'read', ...(database ? { database } : {}) })
  const found = await ask<{ schema: string; name: string }>(tablesText, 'names of the tables')
  const tables: TableContent[] = []
  for (const { schema, name } of found) {
    const [row] = await runner.query<{ rows: string; checksum: string }>(tableQuery(schema, name, database))
    tables.push({ schema, name, rows: Number(row!.rows), checksum: row!.checksum })
  }
  const objects = await ask<{ kind: string; number: number }>(objectsText, 'how many of each kind')
  return { tables, objects: Object.fromEntries(objects.map(({ kind, number }) => [kind, number])) }
}

/** What `restored` has otherwise than `wanted`, one line each; empty when they are the same. */
export function compareContent(wanted: Content, restored: Content): string[] {
  const nameOf = ({ schema, name }: TableContent) => `${schema}.${name}`
  const there = new Map(restored.tables.map((table) => [nameOf(table), table]))
  const known = new Set(wanted.tables.map(nameOf))
  const kinds = [...new Set([...Object.keys(wanted.objects), ...Object.keys(restored.objects)])]
  return [
    ...wanted.tables.flatMap((table) => {
      const other = there.get(nameOf(table))
      if (!other) return [`${nameOf(table)} is missing`]
      if (other.rows !== table.rows)
        return [
          `${nameOf(table)} has ${formatCount(other.rows, 'row')}; the backup was made of ${table.rows}`,
        ]
      return other.checksum === table.checksum
        ? []
        : [`${nameOf(table)} has the same number of rows, but other content`]
    }),
    ...restored.tables
      .filter((table) => !known.has(nameOf(table)))
      .map((table) => `${nameOf(table)} was not in the backup`),
    ...kinds
      .filter((kind) => (wanted.objects[kind] ?? 0) !== (restored.objects[kind] ?? 0))
      .map(
        (kind) =>
          `${restored.objects[kind] ?? 0} ${kind}; the backup was made of ${wanted.objects[kind] ?? 0}`,
      ),
  ]
}

export const countRows = ({ tables }: Content): number => tables.reduce((sum, { rows }) => sum + rows, 0)

/** `9 tables, 160 rows`. */
export const describeContent = (content: Content): string =>
  `${formatCount(content.tables.length, 'table')}, ${formatCount(countRows(content), 'row')}`
