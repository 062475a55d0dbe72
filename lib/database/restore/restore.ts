import { formatScriptLine } from '../../config/pasteLine.ts'
import type { Command, Query } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
import { type Difference, type Log, ok, type Task } from '../../tasks/task.ts'
import { getMessage, usageError } from '../../util/errors.ts'
import { formatCount } from '../../util/format.ts'
import { countQuery, describeContent } from '../backup/content.ts'
import type { Backup } from '../backup/folder.ts'
import { readManifest, verifyChecksum } from '../backup/manifest.ts'
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
  maintenanceDatabase,
  readDatabases,
  renameDatabases,
  renameDatabasesQuery,
  withTemporaryDatabase,
} from '../databases.ts'
import { getPending, readAppliedMigrations, readMigrations } from '../migrations.ts'
import {
  extractGrants,
  getServerAccess,
  grantsCommand,
  listCommand,
  parseRestoreErrors,
  requirePgTool,
  restoreCommand,
  type ServerAccess,
} from '../pgTools.ts'
import { backendHealthTask } from './backendHealth.ts'
import { createMarkQuery, finishTask, type Marker, readMarker } from './marker.ts'
import { propertyQueries, readProperties } from './properties.ts'

/** Throws exit 2 when a database cannot be called that. */
export function assertDatabaseName(name: string): void {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(name) && !reserved.includes(name) && !isTemporary(name)) return
  throw usageError(
    `--into ${name} is not a name for a database of ours`,
    'Use 1-63 letters, digits or _, not beginning with a digit, and none that the server keeps for itself.',
  )
}

const formatKeptAs = (before: string): string =>
  `The database as it was is kept as ${before}; drop it when nobody misses anything.`

/** undefined_table */
const noTable = '42P01'

const reserved = ['postgres', 'template0', 'template1', 'azure_maintenance', 'azure_sys']

export interface Restore {
  tasks: Task[]
  /** What the operator should know when it is done. */
  summary(): string[]
}

/**
 * A backup into a database of the name `into`. It is made beside under a name of its own, compared with its manifest,
 * and only then gets the name: in one transaction, in which a live database becomes NAME_before_TIME. Killed at any
 * moment, every name has a whole database; the next run drops what is half, and knows what is whole (mark.ts).
 */
export function restoreTasks(context: Context, file: string, into: string): Restore {
  const { config, runner } = context
  const live = into === config.postgres.database
  const began = new Date()
  const beside = createTemporaryName(into, 'restore', began)
  const before = createBeforeName(into, began)
  const said: string[] = []
  let backup: Backup | undefined

  async function databases(): Promise<Database[]> {
    return readDatabases(context)
  }

  async function readBackup(): Promise<Backup> {
    backup ??= { file, manifest: readManifest(file) }
    return backup
  }

  const whole: Task = {
    id: 'backup',
    title: 'Backup file',
    part: 'prepare',
    async inspect() {
      const { manifest } = await readBackup()
      await verifyChecksum(file, manifest)
      const [row] = await runner.query<{ major: number }>({
        text: `SELECT current_setting('server_version_num')::int / 10000 AS major`,
        effect: 'read',
        database: maintenanceDatabase,
        title: 'version of the server',
      })
      const dumped = Number.parseInt(manifest.serverVersion, 10)
      if (row!.major < dumped)
        throw usageError(`The backup is of PostgreSQL ${dumped}; the server is ${row!.major}, and older`)
      await requirePgTool(
        context,
        'pg_restore',
        Math.max(row!.major, Number.parseInt(manifest.toolVersion, 10)),
      )
      const proven = manifest.proven ? `proven ${manifest.proven.at}` : 'never proven'
      return ok(
        `${manifest.server}/${manifest.database} of ${manifest.taken}: ${describeContent(manifest.content)}; whole, ${proven}`,
      )
    },
  }

  const leftovers: Task = {
    id: 'leftovers',
    title: 'Leftovers of killed runs',
    part: 'azure',
    after: [whole],
    async inspect() {
      const names = filterLeftovers(await databases())
      if (names.length === 0) return ok('none')
      return {
        state: 'change',
        what: `drop ${names.join(', ')}, unless a run still looks after it`,
        effects: names.map((name) => dropDatabaseQuery(name, 'record')),
      }
    },
    async apply(_, log) {
      const names = filterLeftovers(await databases())
      for (const name of await dropLeftovers(context, names)) log(`dropped ${name}`)
    },
  }

  async function inspect(): Promise<Difference> {
    const { manifest } = await readBackup()
    const found = (await databases()).find(({ name }) => name === into)
    const mark = found && (await readMarker(context, into))
    if (mark?.sha256 === manifest.sha256 && (!live || mark.unfinished)) return ok(doneBefore(mark))
    if (found && !live) {
      throw usageError(
        `There is a database ${into} already`,
        'A restore never goes over one that is not the live one: choose another name.',
      )
    }
    const names: [string, string][] = [...(found ? [[into, before] as [string, string]] : []), [beside, into]]
    const reached = await getServerAccess(context)
    return {
      state: found ? 'change' : 'create',
      what: found
        ? `${into} becomes what it was at ${manifest.taken}; the present one stays as ${before}`
        : `${into}, as ${manifest.database} was at ${manifest.taken}`,
      fields: found ? await rowFields() : [],
      effects: [
        createDatabaseQuery(beside, manifest.locale, found?.owner, 'change'),
        restoreCommand(reached, beside, file),
        ...(await finishing(reached, manifest.sha256, found)),
        renameDatabasesQuery(names),
      ],
    }
  }

  /** What an earlier run, killed or with an unhealthy backend at its end, has done already. */
  function doneBefore({ unfinished }: Marker): string {
    if (live) said.push('It was not restored a second time; to restore it once more, run this command again.')
    if (unfinished?.before) said.push(formatKeptAs(unfinished.before))
    return `${into} was made of this very backup${live ? ' by a run that did not come to its end' : ''}`
  }

  /** What the content does not bring: rights on it, settings of and rights on the database itself, and the mark. */
  async function finishing(
    reached: ServerAccess,
    sha256: string,
    found?: Database,
  ): Promise<(Command | Query)[]> {
    const grants = grantsCommand(reached, beside, file, await toc())
    return [
      ...(grants ? [grants] : []),
      ...(found ? propertyQueries(beside, await readProperties(context, into)) : []),
      createMarkQuery(beside, { sha256, ...(live ? { unfinished: { before: found && before } } : {}) }),
    ]
  }

  /** Rows now, and rows in the backup. */
  async function rowFields() {
    const { manifest } = await readBackup()
    const fields = []
    for (const { schema, name, rows } of manifest.content.tables) {
      const now = await runner.query<{ rows: string }>(countQuery(schema, name)).then(
        ([row]) => row?.rows,
        (thrown) => (thrown.code === noTable ? 'no such table' : `not counted (${getMessage(thrown)})`),
      )
      fields.push({ name: `rows of ${schema}.${name}`, before: now, after: String(rows) })
    }
    return fields
  }

  async function apply(_: Difference, log: Log): Promise<void> {
    const found = (await databases()).find(({ name }) => name === into)
    const known = await readBackup()
    const create = createDatabaseQuery(beside, known.manifest.locale, found?.owner, 'change')
    let placed = false
    const place = async () => {
      const reached = await getServerAccess(context)
      log(`restoring into ${beside}, and comparing`)
      await restoreAndCompare(context, restoreCommand(reached, beside, file), beside, known)
      for (const each of await finishing(reached, known.manifest.sha256, found)) await finish(each, log)
      log(found ? `${into} becomes ${before}, ${beside} becomes ${into}` : `${beside} becomes ${into}`)
      await renameDatabases(context, [...(found ? [[into, before] as const] : []), [beside, into] as const])
      placed = true
    }
    await withTemporaryDatabase(context, beside, create, place).catch((thrown) => {
      // Nothing is left to clean up once it has its name; the connection for that may have broken.
      if (!placed) throw thrown
    })
    if (found) said.push(formatKeptAs(before))
    else if (live)
      said.push(`Settings of and rights on the database itself are in no backup: ${into} has none.`)
    if (live) said.push(...(await newerMigrations(context)))
  }

  async function toc(): Promise<string[]> {
    return extractGrants((await runner.run(listCommand(file))).stdout)
  }

  /** Rights of other roles are given back where those roles are; what cannot be is said, and is no failure. */
  async function finish(effect: Command | Query, log: Log): Promise<void> {
    const errors =
      'argv' in effect
        ? assertNotHindered(parseRestoreErrors((await runner.run(effect)).stderr))
        : await runner.query(effect).then(
            () => [],
            (thrown) => [`${effect.text}: ${getMessage(thrown)}`],
          )
    for (const line of errors) {
      log(line)
      said.push(`Could not be given back: ${line.replace('pg_restore: error: ', '')}`)
    }
  }

  const restore: Task = {
    id: 'restore',
    title: `Database ${into}`,
    part: 'azure',
    after: [leftovers],
    inspect,
    apply,
  }
  const backend = backendHealthTask(context, restore)
  return {
    tasks: [whole, leftovers, restore, ...(live ? [backend, finishTask(context, restore, backend)] : [])],
    summary: () => said,
  }
}

/** Asked on a connection of its own: the one to the database as it was has ended with it. */
async function newerMigrations(context: Context): Promise<string[]> {
  try {
    const applied = await readAppliedMigrations(context, context.config.postgres.database)
    const todo = getPending(readMigrations(), applied)
    if (todo.length === 0) return []
    return [
      `Newer than this backup: ${formatCount(todo.length, 'migration')}; ${formatScriptLine('provision')} applies what is missing.`,
    ]
  } catch (thrown) {
    // The restore is done; what is amiss with the migrations is for the next check.
    return [`Migrations: ${getMessage(thrown)}`]
  }
}
