import { createAzure } from '../../azure/client.ts'
import { getHealthUrl } from '../../azure/containers/waitFor.ts'
import { findBackendHost } from '../../config/backendHost.ts'
import { formatScriptLine, getServedHealthUrl } from '../../config/config.ts'
import type { Command, Query } from '../../shell/command.ts'
import {
  type Context,
  type Difference,
  type Field,
  type Log,
  ok,
  type Task,
  unknown,
} from '../../tasks/task.ts'
import { getMessage, OpsError, usageError } from '../../util/errors.ts'
import { formatCount } from '../../util/format.ts'
import { poll } from '../../util/poll.ts'
import { rightsQuery } from '../applicationRole.ts'
import { countQuery, describeContent } from '../backup/content.ts'
import { type Manifest, readManifest, verifyChecksum } from '../backup/manifest.ts'
import { assertNotHindered, restoreAndCompare } from '../backup/verify.ts'
import {
  createBeforeName,
  createDatabaseQuery,
  createTemporaryName,
  type Database,
  dropDatabaseQuery,
  dropLeftovers,
  filterLeftovers,
  isTemporary,
  type Renames,
  readDatabases,
  renameDatabases,
  renameDatabasesQuery,
  serverQuery,
  withTemporaryDatabase,
} from '../databases.ts'
import { getPending, readAppliedMigrations, readMigrations } from '../migrations.ts'
import * as pg from '../pgTools.ts'
import { createMarkQuery, finishTask, readMarker } from './marker.ts'
import { propertyQueries, readProperties } from './properties.ts'

const reserved = ['postgres', 'template0', 'template1', 'azure_maintenance', 'azure_sys']

/** Throws exit 2 when a restored database cannot have this name. */
export function assertDatabaseName(name: string): void {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(name) && !reserved.includes(name) && !isTemporary(name)) return
  throw usageError(
    `--into ${name} is not a valid database name`,
    'Use 1-63 letters, digits or _, do not start with a digit, and avoid names reserved by the server.',
  )
}

/** One restore: the facts that its tasks share. */
interface Restore {
  context: Context
  file: string
  /** The final name of the restored database. */
  into: string
  /** `into` is the database that the application uses. */
  live: boolean
  /** The name of the restored database until it is complete. */
  temporary: string
  /** The new name of the current database `into`. */
  before: string
  /** What the operator should know at the end. */
  notes: string[]
  getManifest(): Manifest
}

/**
 * Restores a backup into the database `into`. The backup goes into a temporary database and is compared with its manifest.
 * One transaction then gives that database its name, and renames a live one to NAME_before_TIME. If the run is killed, each
 * name still has a complete database; the next run drops an incomplete one and recognises a complete one (marker.ts).
 */
export function restoreTasks(
  context: Context,
  file: string,
  into: string,
): { tasks: Task[]; summary(): string[] } {
  const now = new Date()
  let manifest: Manifest | undefined
  const job: Restore = {
    ...{ context, file, into, notes: [] },
    live: into === context.config.postgres.database,
    temporary: createTemporaryName(into, 'restore', now),
    before: createBeforeName(into, now),
    getManifest: () => (manifest ??= readManifest(file)),
  }
  const backup = backupFileTask(job)
  const leftovers = leftoversTask(context, backup)
  const restore: Task = {
    id: 'restore',
    title: `Database ${into}`,
    part: 'azure',
    after: [leftovers],
    inspect: () => inspectRestore(job),
    apply: (_, log) => applyRestore(job, log),
  }
  const backend = backendHealthTask(context, restore)
  const live = job.live ? [backend, finishTask(context, restore, backend)] : []
  return { tasks: [backup, leftovers, restore, ...live], summary: () => job.notes }
}

const backupFileTask = ({ context, file, getManifest }: Restore): Task => ({
  id: 'backup',
  title: 'Backup file',
  part: 'prepare',
  async inspect() {
    const manifest = getManifest()
    const { server, database, taken, content, proven, serverVersion, toolVersion } = manifest
    await verifyChecksum(file, manifest)
    const version = `SELECT current_setting('server_version_num')::int / 10000 AS major`
    const [row] = await context.runner.query<{ major: number }>(
      serverQuery('read', version, { title: 'version of the server' }),
    )
    const dumped = Number.parseInt(serverVersion, 10)
    if (row!.major < dumped)
      throw usageError(`The backup is from PostgreSQL ${dumped}, but the server is older (${row!.major})`)
    const needed = Math.max(row!.major, Number.parseInt(toolVersion, 10))
    await pg.requirePgTool(context, 'pg_restore', needed)
    const proof = proven ? `verified ${proven.at}` : 'never verified'
    return ok(`${server}/${database} of ${taken}: ${describeContent(content)}; undamaged, ${proof}`)
  },
})

const leftoversTask = (context: Context, backup: Task): Task => ({
  id: 'leftovers',
  title: 'Leftovers of killed runs',
  part: 'azure',
  after: [backup],
  async inspect() {
    const names = filterLeftovers(await readDatabases(context))
    if (names.length === 0) return ok('none')
    return {
      state: 'change',
      what: `drop ${names.join(', ')}, unless a run still uses it`,
      effects: names.map((name) => dropDatabaseQuery(name, 'record')),
    }
  },
  async apply(_, log) {
    const names = filterLeftovers(await readDatabases(context))
    for (const name of await dropLeftovers(context, names)) log(`dropped ${name}`)
  },
})

async function inspectRestore(job: Restore): Promise<Difference> {
  const { context, file, into, live, temporary, before, notes } = job
  const { sha256, taken, locale, database } = job.getManifest()
  const found = await findTarget(job)
  const mark = found && (await readMarker(context, into))
  if (mark?.sha256 === sha256 && (!live || mark.unfinished)) {
    // An earlier run was killed, or ended with an unhealthy backend.
    if (live)
      notes.push('It was not restored a second time. To restore it again, run this command once more.')
    if (mark.unfinished?.before) notes.push(formatKeptAs(mark.unfinished.before))
    return ok(`${into} was restored from this backup${live ? ' by a run that did not finish' : ''}`)
  }
  if (found && !live)
    throw usageError(
      `The database ${into} already exists`,
      'A restore replaces only the live database: choose another name.',
    )
  const access = await pg.getServerAccess(context)
  return {
    state: found ? 'change' : 'create',
    what: found
      ? `${into} returns to its state of ${taken}; the current one is kept as ${before}`
      : `${into}, as ${database} was at ${taken}`,
    fields: found ? await countRowFields(job) : [],
    effects: [
      createDatabaseQuery(temporary, locale, found?.owner, 'change'),
      pg.restoreCommand(access, temporary, file),
      ...(await getFinalEffects(job, access, found)),
      renameDatabasesQuery(getRenames(job, found)),
    ],
  }
}

async function applyRestore(job: Restore, log: Log): Promise<void> {
  const { context, file, into, live, temporary, before, notes } = job
  const manifest = job.getManifest()
  const found = await findTarget(job)
  const create = createDatabaseQuery(temporary, manifest.locale, found?.owner, 'change')
  let renamed = false
  const restore = async () => {
    const access = await pg.getServerAccess(context)
    log(`restoring into ${temporary} and comparing`)
    const command = pg.restoreCommand(access, temporary, file)
    await restoreAndCompare(context, command, temporary, { file, manifest })
    for (const each of await getFinalEffects(job, access, found)) await tryEffect(job, each, log)
    log(found ? `${into} becomes ${before}, ${temporary} becomes ${into}` : `${temporary} becomes ${into}`)
    await renameDatabases(context, getRenames(job, found))
    renamed = true
  }
  await withTemporaryDatabase(context, temporary, create, restore).catch((thrown) => {
    // After the rename nothing is left to clean up, and the connection for that may be lost.
    if (!renamed) throw thrown
  })
  if (found) notes.push(formatKeptAs(before))
  else if (live)
    notes.push(
      `A backup contains neither the settings of a database nor the rights on it, so ${into} has none.`,
    )
  if (live) notes.push(...(await checkMigrations(context)))
}

const formatKeptAs = (before: string): string =>
  `The previous database is kept as ${before}; drop it when it is no longer needed.`

const findTarget = async ({ context, into }: Restore): Promise<Database | undefined> =>
  (await readDatabases(context)).find(({ name }) => name === into)

const getRenames = ({ into, before, temporary }: Restore, found: Database | undefined): Renames =>
  found
    ? [
        [into, before],
        [temporary, into],
      ]
    : [[temporary, into]]

/**
 * Returns the effects that restore what a dump of the content lacks: rights on the content, settings of the database
 * and rights on it, and the marker.
 */
async function getFinalEffects(
  { context, file, into, live, temporary, before, getManifest }: Restore,
  access: pg.ServerAccess,
  found: Database | undefined,
): Promise<(Command | Query)[]> {
  const toc = await context.runner.run(pg.listCommand(file))
  const grants = pg.grantsCommand(access, temporary, file, pg.extractGrants(toc.stdout))
  const unfinished = live ? { unfinished: { before: found && before } } : {}
  return [
    ...(grants ? [grants] : []),
    ...(found ? propertyQueries(temporary, await readProperties(context, into)) : []),
    // A backup from before the role has none of its rights, and a new server has no role. After the other rights, which may
    // take CONNECT from everybody.
    ...(live ? [rightsQuery(context.config, temporary)] : []),
    createMarkQuery(temporary, { sha256: getManifest().sha256, ...unfinished }),
  ]
}

/** Rights require their roles. What cannot be restored is reported but is not a failure. */
async function tryEffect({ context: { runner }, notes }: Restore, effect: Command | Query, log: Log) {
  const errors: string[] = []
  if ('argv' in effect)
    errors.push(...assertNotHindered(pg.parseRestoreErrors((await runner.run(effect)).stderr)))
  else await runner.query(effect).catch((thrown) => errors.push(`${effect.text}: ${getMessage(thrown)}`))
  for (const line of errors) {
    log(line)
    notes.push(`Could not be restored: ${line.replace('pg_restore: error: ', '')}`)
  }
}

/** SQLSTATE undefined_table. */
const noTable = '42P01'

/** Rows now, and rows in the backup. */
async function countRowFields({ context, getManifest }: Restore): Promise<Field[]> {
  const fields: Field[] = []
  for (const { schema, name, rows } of getManifest().content.tables) {
    const before = await context.runner.query<{ rows: string }>(countQuery(schema, name)).then(
      ([row]) => row?.rows,
      (thrown) => (thrown.code === noTable ? 'no such table' : `not counted (${getMessage(thrown)})`),
    )
    fields.push({ name: `rows of ${schema}.${name}`, before, after: String(rows) })
  }
  return fields
}

/** Opens a new connection: the one to the previous database ended with the rename. */
async function checkMigrations(context: Context): Promise<string[]> {
  try {
    const applied = await readAppliedMigrations(context, context.config.postgres.database)
    const todo = getPending(readMigrations(), applied)
    const next = `${formatScriptLine('provision')} applies what is missing.`
    return todo.length === 0
      ? []
      : [`Newer than this backup: ${formatCount(todo.length, 'migration')}; ${next}`]
  } catch (thrown) {
    // The restore is complete; a fault in the migrations is left to the next check.
    return [`Migrations: ${getMessage(thrown)}`]
  }
}

const backendHealthTask = (context: Context, restore: Task): Task => ({
  id: 'backend',
  title: 'Backend /health',
  part: 'together',
  after: [restore],
  async inspect(ahead) {
    if (ahead.willChange(restore)) return unknown('checked after the restore')
    return waitUntilHealthy(context)
  },
})

/** The rename ended its connections; it reopens them within moments. */
async function waitUntilHealthy(context: Context): Promise<Difference> {
  const { config, runner } = context
  const unhealthy = (said: string) =>
    new OpsError({
      what: 'The database is restored, but the backend is not healthy',
      said,
      next: `Run ${formatScriptLine('check-database')}, then ${formatScriptLine('release-containers')}. The restore itself is complete.`,
    })
  // A restore needs no login to Azure, and the name that this machine saw last may be outdated.
  const host = await findBackendHost(config, createAzure(context)).catch(() => undefined)
  const urls = [...(host ? [getHealthUrl(host)] : []), getServedHealthUrl(config)]
  const last = new Map<string, string>()
  const ask = async (url: string) => {
    try {
      const answer = await runner.request({ method: 'GET', url, effect: 'read', timeoutMs: 5000 })
      if (answer.status === 200) return true
      last.set(url, `${answer.status} ${answer.body.slice(0, 300)}`)
    } catch (thrown) {
      last.set(url, getMessage(thrown))
    }
    return false
  }
  const attempt = async () => {
    const answers = await Promise.all(urls.map(ask))
    const well = urls.find((_, index) => answers[index])
    return well === undefined ? undefined : ok(`${well} answers 200`)
  }
  const describe = () => unhealthy([...last].map(([url, said]) => `${url}: ${said}`).join('\n'))
  return poll(attempt, { intervalMs: 1000, attempts: 15, describe })
}
