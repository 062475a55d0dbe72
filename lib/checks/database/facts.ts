import { az } from '../../azure/cli.ts'
import type { Azure } from '../../azure/client.ts'
import { postgres } from '../../azure/resources/postgres.ts'
import { type Resource, resourceId } from '../../azure/resources/resource.ts'
import { formatScriptLine } from '../../config/config.ts'
import { createPlainExchange } from '../../database/connect.ts'
import { getPending, readAppliedMigrations, readMigrations } from '../../database/migrations.ts'
import type { Context } from '../../tasks/task.ts'
import { memoize } from '../../util/concurrency.ts'
import { OpsError } from '../../util/errors.ts'

/** A full backup that Azure took. */
export interface ServerBackup {
  name: string
  completed: string
}

export interface TableSize {
  name: string
  /** Undefined if there is no such table. */
  rows: number | undefined
  /** Size in bytes, including its indexes and its TOAST table. */
  bytes: number | undefined
}

/** Read over SQL. */
export interface ServerFacts {
  version: string
  connections: number
  connectionsAllowed: number
  /** All databases and the write-ahead log, in bytes. */
  stored: number
  /** The login may not see the write-ahead log, so `stored` lacks it. */
  withoutWal?: boolean
}

export type DatabaseSources = ReturnType<typeof databaseSources>

/** The sources of facts about the database; each is read once. */
export function databaseSources(context: Context, azure: Azure) {
  const server = memoize(() => readServer(context, azure))
  return {
    /** The first bytes of the answer to a client without TLS. */
    plain: memoize(async () => (await context.runner.dial(createPlainExchange(context.config))).answer),
    server,
    backups: memoize(async () => {
      await server()
      return readBackups(context, azure)
    }),
    times: memoize(() => context.runner.connect()),
    facts: memoize(() => readFacts(context)),
    tables: memoize(() => readTables(context)),
    migrations: memoize(async () => {
      const all = readMigrations()
      return { pending: getPending(all, await readAppliedMigrations(context)), all: all.length }
    }),
  }
}

async function readServer({ config }: Context, azure: Azure): Promise<Resource> {
  const server = await azure.database()
  if (server) return server
  throw new OpsError({
    what: `PostgreSQL server ${config.postgres.server} not found in ${config.azure.resourceGroup}`,
    next: `${formatScriptLine('provision')}   (it creates one)`,
  })
}

/** az 2.45 and 2.91 spell `backup list` differently; ARM itself has one spelling. */
async function readBackups({ config, runner }: Context, azure: Azure): Promise<ServerBackup[]> {
  const server = resourceId(config, (await azure.account()).id, postgres)
  const url = `https://management.azure.com${server}/backups?api-version=${postgres.apiVersion}`
  const { stdout } = await runner.run(az({ accept: [0] })`rest --method get --url ${url}`)
  type Item = { name: string; properties: { completedTime: string } }
  return (JSON.parse(stdout) as { value: Item[] }).value
    .map(({ name, properties }) => ({ name, completed: properties.completedTime }))
    .sort((left, right) => Date.parse(right.completed) - Date.parse(left.completed))
}

/**
 * Azure's administrator may lack the right to pg_ls_waldir (DataDog/documentation#39602). PostgreSQL refuses a statement
 * that names the function, even where it would not call it, so the inner query is text.
 */
const walText = `CASE WHEN has_function_privilege('pg_ls_waldir()', 'EXECUTE') THEN substring(
    query_to_xml('SELECT coalesce(sum(size), 0) AS size FROM pg_ls_waldir()', true, true, '')::text from '<size>([0-9]+)<') END`

/** The application cannot use the connections that PostgreSQL reserves for its administrators. */
const factsText = `SELECT current_setting('server_version') AS version,
  (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int AS connections,
  (SELECT sum(CASE name WHEN 'max_connections' THEN setting::int ELSE -setting::int END) FROM pg_settings
    WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections'))::int AS "connectionsAllowed",
  (SELECT sum(pg_database_size(oid)) FROM pg_database)::text AS databases,
  ${walText} AS wal`

export async function readFacts({ runner }: Context): Promise<ServerFacts> {
  const query = { text: factsText, effect: 'read', title: 'version, connections, storage' } as const
  type Row = Omit<ServerFacts, 'stored'> & { databases: string; wal: string | null }
  const [row] = await runner.query<Row>(query)
  const { databases, wal, version, ...rest } = row!
  const stored = Number(databases) + Number(wal ?? 0)
  return { ...rest, version: /^[\d.]+/.exec(version)?.[0] ?? version, stored, withoutWal: wal === null }
}

async function readTables({ runner }: Context): Promise<TableSize[]> {
  const sizes = await runner.query<{ name: string; bytes: string | null }>({
    text: `SELECT name, pg_total_relation_size(to_regclass('public.' || name))::text AS bytes
FROM unnest($1::text[]) AS name`,
    values: [applicationTables],
    effect: 'read',
    title: 'sizes of the tables',
  })
  const there = sizes.filter(({ bytes }) => bytes !== null)
  const text = there
    .map(({ name }) => `SELECT '${name}' AS name, count(*)::text AS rows FROM public.${name}`)
    .join(' UNION ALL ')
  const query = { text, effect: 'read', title: 'rows of the tables' } as const
  const rows = text === '' ? [] : await runner.query<{ name: string; rows: string }>(query)
  const toNumber = (text: string | null | undefined) => (text ? Number(text) : undefined)
  return sizes.map(({ name, bytes }) => {
    return { name, rows: toNumber(rows.find((row) => row.name === name)?.rows), bytes: toNumber(bytes) }
  })
}

/** The application's tables; infra/migrations creates them. */
export const applicationTables = ['agents', 'capsules', 'councils', 'metrics', 'workflows'] as const
