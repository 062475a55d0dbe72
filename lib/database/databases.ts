import { randomBytes } from 'node:crypto'
import type { Query } from '../shell/command.ts'
import type { Context } from '../tasks/context.ts'
import type { EffectKind } from '../util/effect.ts'
import { getMessage, OpsError, unknownError } from '../util/errors.ts'
import { poll } from '../util/poll.ts'
import { formatTimestamp } from './backup/folder.ts'
import type { Locale } from './backup/manifest.ts'
import { quoteName as name, quoteText as text } from './sql.ts'

/** Every server has it; databases are made, renamed and dropped from there. */
export const maintenanceDatabase = 'postgres'

/** Names are at most 63 bytes long; a cut one still ends in what makes it unique. */
const maxNameLength = 63

/** `codexdb_prove_20261123t012612z_1a2b`: a database that is taken away again by who made it, or by the next run. */
export function createTemporaryName(database: string, purpose: 'prove' | 'restore', time: Date): string {
  const end = `_${purpose}_${formatTimestamp(time).toLowerCase()}_${randomBytes(2).toString('hex')}`
  return `${database.slice(0, maxNameLength - end.length)}${end}`
}

/** What a live database is called once another one has taken its place. */
export function createBeforeName(database: string, time: Date): string {
  const end = `_before_${formatTimestamp(time).toLowerCase()}`
  return `${database.slice(0, maxNameLength - end.length)}${end}`
}

/** Is it the name of a database that is soon to go? */
export const isTemporary = (database: string): boolean => temporaryPattern.test(database)

const temporaryPattern = /_(?:prove|restore)_\d{8}t\d{6}z_[0-9a-f]{4}$/

/** An empty database that orders and classifies text as the original did. */
export function createDatabaseQuery(
  database: string,
  locale: Locale,
  owner: string | undefined,
  effect: EffectKind,
): Query {
  const words = [
    `CREATE DATABASE ${name(database)}`,
    ...(owner ? [`OWNER ${name(owner)}`] : []),
    `TEMPLATE template0 ENCODING ${text(locale.encoding)}`,
    `LC_COLLATE ${text(locale.collate)} LC_CTYPE ${text(locale.ctype)}`,
    ...(locale.provider === 'c' ? ['LOCALE_PROVIDER libc'] : []),
    ...(locale.provider === 'i' ? [`LOCALE_PROVIDER icu ICU_LOCALE ${text(locale.locale ?? '')}`] : []),
    ...(locale.provider === 'b'
      ? [`LOCALE_PROVIDER builtin BUILTIN_LOCALE ${text(locale.locale ?? '')}`]
      : []),
  ]
  return { text: words.join(' '), effect, database: maintenanceDatabase }
}

/** FORCE ends who is still connected, a pg_restore of a killed run for one. */
export const dropDatabaseQuery = (database: string, effect: EffectKind): Query => ({
  text: `DROP DATABASE IF EXISTS ${name(database)} WITH (FORCE)`,
  effect,
  database: maintenanceDatabase,
})

/** Ends the connections to these databases, those of PostgreSQL's own superusers left out. */
const endConnections = (databases: readonly string[]): string =>
  `SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
WHERE a.datname IN (${databases.map(text).join(', ')}) AND a.pid <> pg_backend_pid() AND NOT r.rolsuper`

/**
 * Gives databases other names, all or none: one transaction, so that a name is never without a database, whatever is
 * killed in the middle. Who is connected is sent away; PostgreSQL waits 5 s for them and lets nobody in meanwhile.
 */
export const renameDatabasesQuery = (renames: readonly (readonly [from: string, to: string])[]): Query => ({
  text: [
    'BEGIN',
    endConnections(renames.map(([from]) => from)),
    ...renames.map(([from, to]) => `ALTER DATABASE ${name(from)} RENAME TO ${name(to)}`),
    'COMMIT',
  ].join(';\n'),
  effect: 'change',
  database: maintenanceDatabase,
  title: renames.map(([from, to]) => `${from} becomes ${to}`).join(', '),
})

/** Somebody came in between the end of the others and the lock. */
const inUse = '55006'

/**
 * Renames as renameQuery says; tried again when a connection has slipped in. Throws naming who is in the way; exit 3
 * when the connection broke and nobody can tell whether it was done.
 */
export async function renameDatabases(
  context: Context,
  renames: readonly (readonly [from: string, to: string])[],
): Promise<void> {
  const { runner } = context
  for (let tries = 1; ; tries++) {
    try {
      await runner.query(renameDatabasesQuery(renames))
      return
    } catch (thrown) {
      await runner
        .query({ text: 'ROLLBACK', effect: 'record', database: maintenanceDatabase })
        .catch(() => {})
      if ((thrown as { code?: string }).code === inUse && tries < 5) continue
      if (await isRenamed(context, renames, thrown)) return
      throw new OpsError({
        what: `The databases could not be renamed (${renameDatabasesQuery(renames).title}); all names are as they were`,
        said: [getMessage(thrown), (thrown as { detail?: string }).detail].filter(Boolean).join('\n'),
        next: 'End what is connected to them (pg_stat_activity lists it), then run this command again.',
      })
    }
  }
}

export interface Database {
  name: string
  owner: string
}

/**
 * Were they renamed, although no answer came? A server goes on with what it was sent when the connection breaks, so
 * the names count only once no session is at it.
 */
async function isRenamed(
  context: Context,
  renames: readonly (readonly [from: string, to: string])[],
  thrown: unknown,
): Promise<boolean> {
  const { runner, config } = context
  const text = `SELECT count(*)::int AS sessions FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND state = 'active' AND position($1 in query) > 0`
  const look = async (database: string) => {
    const values = [renames.at(-1)![0]]
    await poll(
      async () => {
        const [row] = await runner.query<{ sessions: number }>({ text, values, effect: 'read', database })
        return row!.sessions === 0 || undefined
      },
      { intervalMs: 1000, attempts: 20, describe: () => new Error('the server is still renaming') },
    )
    const names = (await readDatabases(context, database)).map((each) => each.name)
    const targets = renames.map(([, to]) => to)
    return (
      targets.every((each) => names.includes(each)) &&
      renames.every(([from]) => targets.includes(from) || !names.includes(from))
    )
  }
  try {
    // A connection that broke stays broken: the other one is opened anew.
    return await look(maintenanceDatabase).catch(() => look(config.postgres.database))
  } catch (silent) {
    throw unknownError(
      `Whether the databases were renamed is not known (${renameDatabasesQuery(renames).title})`,
      [getMessage(thrown), getMessage(silent)].join('\n'),
      'When the server answers again, run this command again: it continues where it stopped.',
    )
  }
}

/** The databases of the server, templates left out. `database`: over the connection to which it is asked. */
export const readDatabases = ({ runner }: Context, database = maintenanceDatabase): Promise<Database[]> =>
  runner.query({
    text: `SELECT datname AS name, pg_get_userbyid(datdba) AS owner FROM pg_database WHERE NOT datistemplate ORDER BY 1`,
    effect: 'read',
    database,
    title: 'databases of the server',
  })

/** `datlocprovider` came with 15, its locale changed its name with 17. */
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

/** Held for as long as this run's connection lasts: whose name is locked has somebody who looks after it. */
const lockText = (database: string, verb: 'pg_try_advisory_lock' | 'pg_advisory_unlock') =>
  `SELECT ${verb}(hashtextextended(${text(`codex-dominion-ops ${database}`)}, 0)) AS done`

async function tryLock({ runner }: Context, database: string): Promise<boolean> {
  const [row] = await runner.query<{ done: boolean }>({
    text: lockText(database, 'pg_try_advisory_lock'),
    effect: 'record',
    database: maintenanceDatabase,
  })
  return row!.done
}

const unlock = ({ runner }: Context, database: string): Promise<unknown> =>
  runner.query({
    text: lockText(database, 'pg_advisory_unlock'),
    effect: 'record',
    database: maintenanceDatabase,
  })

/** Databases that a run has made for itself; one that still runs looks after its own. */
export const filterLeftovers = (databases: readonly Database[]): string[] =>
  databases.map((each) => each.name).filter(isTemporary)

/** Drops what killed runs have left on the server. Gives the names. */
export async function dropLeftovers(context: Context, names: readonly string[]): Promise<string[]> {
  const dropped: string[] = []
  for (const each of names) {
    if (!(await tryLock(context, each))) continue
    try {
      await context.runner.query(dropDatabaseQuery(each, 'record'))
      dropped.push(each)
    } finally {
      await unlock(context, each)
    }
  }
  return dropped
}

/**
 * Makes a database that is there only while `use` runs; whatever becomes of that, it is dropped afterwards, unless
 * `use` has given it another name. A run that is killed leaves it to the next (dropLeftovers).
 */
export async function withTemporaryDatabase<T>(
  context: Context,
  database: string,
  create: Query,
  use: () => Promise<T>,
): Promise<T> {
  const cleanUp = async () => {
    await context.runner.query(dropDatabaseQuery(database, 'record'))
    await unlock(context, database)
  }
  await tryLock(context, database)
  try {
    await context.runner.query(create)
    const result = await use()
    await cleanUp()
    return result
  } catch (thrown) {
    // A server that is gone drops nothing; what went wrong first is what counts.
    await cleanUp().catch(() => {})
    throw thrown
  }
}
