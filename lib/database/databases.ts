import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Query } from '../shell/command.ts'
import type { Context } from '../tasks/task.ts'
import type { EffectKind } from '../util/effect.ts'
import { getMessage, OpsError, unknownError } from '../util/errors.ts'
import { poll } from '../util/poll.ts'
import { formatTimestamp } from '../util/time.ts'
import type { Locale } from './backup/manifest.ts'
import { quoteName as name, quoteText as text } from './sql.ts'

/** Every server has this database. Others are created, renamed and dropped over a connection to it. */
export const maintenanceDatabase = 'postgres'

/** A statement over the connection to the maintenance database. */
export function serverQuery(
  effect: EffectKind,
  text: string,
  more: Pick<Query, 'title' | 'values'> = {},
): Query {
  return { text, effect, database: maintenanceDatabase, ...more }
}

/** Names have at most 63 bytes. A shortened name keeps its end, which makes it unique. */
const addSuffix = (database: string, suffix: string): string =>
  `${database.slice(0, 63 - suffix.length)}${suffix}`

/**
 * `codexdb_prove_20261123t012612z_1a2b`: a database that is dropped by the run that created it, or else by the next
 * run.
 */
export const createTemporaryName = (database: string, purpose: 'prove' | 'restore', time: Date): string =>
  addSuffix(database, `_${purpose}_${formatTimestamp(time).toLowerCase()}_${randomBytes(2).toString('hex')}`)

/** The name of a live database after a restore has replaced it. */
export const createBeforeName = (database: string, time: Date): string =>
  addSuffix(database, `_before_${formatTimestamp(time).toLowerCase()}`)

export const isTemporary = (database: string): boolean =>
  /_(?:prove|restore)_\d{8}t\d{6}z_[0-9a-f]{4}$/.test(database)

/** Creates an empty database that orders and classifies text as the original does. */
export function createDatabaseQuery(
  database: string,
  locale: Locale,
  owner: string | undefined,
  effect: EffectKind,
): Query {
  const localeName = text(locale.locale ?? '')
  const words = [
    `CREATE DATABASE ${name(database)}`,
    ...(owner ? [`OWNER ${name(owner)}`] : []),
    `TEMPLATE template0 ENCODING ${text(locale.encoding)}`,
    `LC_COLLATE ${text(locale.collate)} LC_CTYPE ${text(locale.ctype)}`,
    ...(locale.provider === 'c' ? ['LOCALE_PROVIDER libc'] : []),
    ...(locale.provider === 'i' ? [`LOCALE_PROVIDER icu ICU_LOCALE ${localeName}`] : []),
    ...(locale.provider === 'b' ? [`LOCALE_PROVIDER builtin BUILTIN_LOCALE ${localeName}`] : []),
  ]
  return serverQuery(effect, words.join(' '))
}

/** FORCE ends remaining connections, such as that of a killed run's pg_restore. */
export const dropDatabaseQuery = (database: string, effect: EffectKind): Query =>
  serverQuery(effect, `DROP DATABASE IF EXISTS ${name(database)} WITH (FORCE)`)

/** Old and new names, in the order of the renames. */
export type Renames = readonly (readonly [from: string, to: string])[]

/** Ends the connections to these databases, except those of PostgreSQL's superusers. */
const endConnections = (databases: readonly string[]): string =>
  `SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
WHERE a.datname IN (${databases.map(text).join(', ')}) AND a.pid <> pg_backend_pid() AND NOT r.rolsuper`

/**
 * Renames all databases in one transaction, so that a name always has a database, whatever is killed meanwhile. It ends the
 * connections; PostgreSQL waits 5 s for them and admits no new ones.
 */
export function renameDatabasesQuery(renames: Renames): Query {
  const statements = [
    'BEGIN',
    endConnections(renames.map(([from]) => from)),
    ...renames.map(([from, to]) => `ALTER DATABASE ${name(from)} RENAME TO ${name(to)}`),
    'COMMIT',
  ]
  const title = renames.map(([from, to]) => `${from} becomes ${to}`).join(', ')
  return serverQuery('change', statements.join(';\n'), { title })
}

/** SQLSTATE object_in_use: a client connected after the others were ended and before the lock. */
const inUse = '55006'

/**
 * Drops a database, and retries while one of Azure's own superusers is briefly connected to it: PostgreSQL then refuses
 * FORCE as insufficient_privilege (42501) or object_in_use (Azure/azure-postgresql#122).
 */
export async function dropDatabase({ runner }: Context, database: string, pauseMs = 2000): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await runner.query(dropDatabaseQuery(database, 'record'))
      return
    } catch (thrown) {
      const { code } = thrown as { code?: string }
      if (tries >= 5 || (code !== '42501' && code !== inUse)) throw thrown
      await pause(pauseMs)
    }
  }
}

/**
 * Renames databases, and retries when a client connects meanwhile. Throws naming what prevents it; exit 3
 * when the connection was lost and the result is unknown.
 */
export async function renameDatabases(context: Context, renames: Renames): Promise<void> {
  const { runner } = context
  const query = renameDatabasesQuery(renames)
  for (let tries = 1; ; tries++) {
    try {
      await runner.query(query)
      return
    } catch (thrown) {
      await runner.query(serverQuery('record', 'ROLLBACK')).catch(() => {})
      if ((thrown as { code?: string }).code === inUse && tries < 5) continue
      if (await isRenamed(context, renames, thrown)) return
      throw new OpsError({
        what: `The databases could not be renamed (${query.title}); all names are unchanged`,
        said: [getMessage(thrown), (thrown as { detail?: string }).detail].filter(Boolean).join('\n'),
        next: 'End the connections to them (listed in pg_stat_activity), then run this command again.',
      })
    }
  }
}

export interface Database {
  name: string
  owner: string
}

/**
 * Checks whether the databases were renamed although no answer came. After its connection breaks, a server still finishes
 * the statement, so the names count only when no session runs it.
 */
async function isRenamed(context: Context, renames: Renames, thrown: unknown): Promise<boolean> {
  const { runner, config } = context
  const text = `SELECT count(*)::int AS sessions FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND state = 'active' AND position($1 in query) > 0`
  const values = [renames.at(-1)![0]]
  const check = async (database: string) => {
    const isIdle = async () => {
      const [row] = await runner.query<{ sessions: number }>({ text, values, effect: 'read', database })
      return row!.sessions === 0 || undefined
    }
    const busy = () => new Error('the server is still renaming')
    await poll(isIdle, { intervalMs: 1000, attempts: 20, describe: busy })
    const names = (await readDatabases(context, database)).map((each) => each.name)
    const targets = renames.map(([, to]) => to)
    const isGone = ([from]: Renames[number]) => targets.includes(from) || !names.includes(from)
    return targets.every((each) => names.includes(each)) && renames.every(isGone)
  }
  try {
    // A broken connection is not reopened; the other database gets a new one.
    return await check(maintenanceDatabase).catch(() => check(config.postgres.database))
  } catch (silent) {
    throw unknownError(
      `Could not determine whether the databases were renamed (${renameDatabasesQuery(renames).title})`,
      [getMessage(thrown), getMessage(silent)].join('\n'),
      'When the server answers again, run this command again: it continues where it stopped.',
    )
  }
}

/** Lists the databases of the server, without templates. `database` names the connection to use. */
export const readDatabases = ({ runner }: Context, database = maintenanceDatabase): Promise<Database[]> =>
  runner.query({
    text: `SELECT datname AS name, pg_get_userbyid(datdba) AS owner FROM pg_database WHERE NOT datistemplate ORDER BY 1`,
    effect: 'read',
    database,
    title: 'databases of the server',
  })

/** PostgreSQL 15 introduced `datlocprovider`; 17 renamed the column of its locale. */
export async function readLocale({ runner }: Context): Promise<Locale> {
  const [row] = await runner.query<{ found: Record<string, string | null> }>({
    text: 'SELECT to_jsonb(d) || jsonb_build_object($1::text, pg_encoding_to_char(d.encoding)) AS found FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()',
    values: ['encoding_name'],
    effect: 'read',
    title: 'locale of the database',
  })
  const found = row!.found
  return {
    encoding: found.encoding_name ?? 'UTF8',
    provider: found.datlocprovider ?? null,
    collate: found.datcollate ?? 'C',
    ctype: found.datctype ?? 'C',
    locale: found.datlocale ?? found.daticulocale ?? null,
  }
}

/**
 * Takes or frees the lock of a temporary database, which lasts as long as this run's connection. A locked
 * database is in use.
 */
async function callLock(
  { runner }: Context,
  verb: 'try_advisory_lock' | 'advisory_unlock',
  database: string,
) {
  const key = text(`codex-dominion-ops ${database}`)
  const query = serverQuery('record', `SELECT pg_${verb}(hashtextextended(${key}, 0)) AS done`)
  const [row] = await runner.query<{ done: boolean }>(query)
  return row!.done
}

/** The temporary databases. Those that a run still uses are locked. */
export const filterLeftovers = (databases: readonly Database[]): string[] =>
  databases.map((each) => each.name).filter(isTemporary)

/** Drops the databases that killed runs left on the server. Returns their names. */
export async function dropLeftovers(context: Context, names: readonly string[]): Promise<string[]> {
  const dropped: string[] = []
  for (const each of names) {
    if (!(await callLock(context, 'try_advisory_lock', each))) continue
    try {
      await dropDatabase(context, each)
      dropped.push(each)
    } finally {
      await callLock(context, 'advisory_unlock', each)
    }
  }
  return dropped
}

/**
 * Creates a database for `use` and drops it afterwards, also after a failure, unless `use` renamed it. If the run is
 * killed, the next one drops it (dropLeftovers).
 */
export async function withTemporaryDatabase<T>(
  context: Context,
  database: string,
  create: Query,
  use: () => Promise<T>,
): Promise<T> {
  const cleanUp = async () => {
    await dropDatabase(context, database)
    await callLock(context, 'advisory_unlock', database)
  }
  await callLock(context, 'try_advisory_lock', database)
  try {
    await context.runner.query(create)
    const result = await use()
    await cleanUp()
    return result
  } catch (thrown) {
    // The first failure counts; without a connection nothing can be dropped.
    await cleanUp().catch(() => {})
    throw thrown
  }
}
