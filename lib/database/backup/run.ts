import path from 'node:path'
import { formatScriptLine } from '../../config/config.ts'
import { display } from '../../shell/command.ts'
import type { Context } from '../../tasks/task.ts'
import { isUnanswered, OpsError, usageError } from '../../util/errors.ts'
import { formatBytes, formatDuration } from '../../util/format.ts'
import { parseNumber } from '../../util/number.ts'
import {
  createDatabaseQuery,
  createTemporaryName,
  dropDatabaseQuery,
  dropLeftovers,
  filterLeftovers,
  readDatabases,
} from '../databases.ts'
import { dumpCommand, getServerAccess, requirePgTool, restoreCommand, type ServerAccess } from '../pgTools.ts'
import { countRows, describeContent } from './content.ts'
import { type DumpPreview, previewDump, takeBackup } from './dump.ts'
import {
  type Backup,
  createDumpName,
  readBackups,
  removeBackup,
  removeLeftovers,
  selectExpired,
} from './folder.ts'
import { type Locale, readManifest, verifyChecksum } from './manifest.ts'
import { proveBackup } from './verify.ts'

interface BackupOptions {
  /** Undefined for the state folder. */
  to: string | undefined
  keep: number
  /** `new` means the backup that this run takes. With a file, the run takes no backup. */
  prove: 'no' | 'new' | { file: string }
  planning: boolean
}

/** Parses the flags. Throws (exit 2) for an invalid one. */
export function parseBackupOptions(flags: {
  to?: string
  keep?: string
  prove?: string | boolean
  dryRun?: boolean
}): BackupOptions {
  const { to, keep = '14', prove: what = false, dryRun } = flags
  if (typeof what === 'string' && (to !== undefined || flags.keep !== undefined))
    throw usageError('--prove FILE takes no backup, so it cannot be combined with --to or --keep')
  const kept = parseNumber(keep, { whole: true, minimum: 1, maximum: 99_999 })
  if (kept === undefined)
    throw usageError(`--keep ${keep} is not a valid number of backups`, 'Use 1 or more.')
  const proof = what ? 'new' : 'no'
  return {
    to: to === undefined ? undefined : path.resolve(to),
    keep: kept,
    prove: typeof what === 'string' ? { file: path.resolve(what) } : proof,
    planning: dryRun === true,
  }
}

interface About {
  by: string
  log: (line: string) => void
  /** Aborted by the first Ctrl-C: the run finishes its current step and starts no other. */
  stopping: AbortSignal
}

/** Takes a backup and removes the oldest ones. On request, verifies it, or verifies an existing one instead. */
export async function backUp(context: Context, options: BackupOptions, about: About) {
  const folder = options.to ?? path.join(context.config.stateDir, 'backups')
  if (typeof options.prove === 'object') readManifest(options.prove.file)
  let silent: OpsError | undefined
  /** A plan continues without the server's answer and reports that. */
  const orSilent = (thrown: unknown): undefined => {
    if (!options.planning || !isUnanswered(thrown)) throw thrown
    silent = thrown
  }
  const found = await readDatabases(context).then(filterLeftovers).catch(orSilent)
  const leftovers = found ?? []
  if (typeof options.prove === 'object')
    return proveOne(context, options.prove.file, options, { leftovers, silent }, about)
  const before = found && (await previewDump(context).catch(orSilent))
  if (options.planning || !before) return planBackup(context, folder, options, { before, leftovers, silent })

  const swept = [...removeLeftovers(folder), ...(await dropLeftovers(context, leftovers))]
  for (const each of swept) about.log(`Removed the leftover of a killed run: ${each}`)
  const taken = await takeBackup(context, folder, before, about)
  about.log(`Kept as ${taken.file}`)
  const done = options.prove === 'new' ? await proveNew(context, taken, about) : taken
  const { backups, unknown } = readBackups(folder, context.config)
  for (const each of unknown) about.log(`! ${each} has no manifest with its environment, so it is kept`)
  const old = selectExpired(backups, options.keep)
  old.forEach(removeBackup)
  const removed = old.map(({ file }) => file)
  return {
    text: [describeBackup(done), ...removed.map((file) => `Removed ${file}`)].join('\n'),
    data: { ok: true, ...toJson(done), removed, kept: backups.length - old.length },
  }
}

async function proveNew(context: Context, taken: Backup, { log, stopping }: About): Promise<Backup> {
  if (!stopping.aborted) return proveBackup(context, taken, log)
  throw new OpsError({
    what: `Interrupted: ${taken.file} is complete but not verified`,
    next: formatScriptLine('backup-database', '--prove', taken.file),
  })
}

async function proveOne(
  context: Context,
  file: string,
  options: BackupOptions,
  { leftovers, silent }: Found,
  about: About,
) {
  const backup = { file, manifest: readManifest(file) }
  await requirePgTool(context, 'pg_restore', Number.parseInt(backup.manifest.toolVersion, 10))
  if (options.planning) {
    await verifyChecksum(file, backup.manifest)
    const lines = proveLines(await getPlannedAccess(context), file, backup.manifest.locale)
    const text = [`${file} is undamaged and would be verified:`, ...lines, ...formatSilence(silent)].join(
      '\n',
    )
    return { text, data: { ok: true, dryRun: true, lines, ...silenceToJson(silent) } }
  }
  const dropped = await dropLeftovers(context, leftovers)
  for (const each of dropped) about.log(`Removed the leftover of a killed run: ${each}`)
  const proven = await proveBackup(context, backup, about.log)
  return { text: describeBackup(proven), data: { ok: true, ...toJson(proven) } }
}

/** What the server reported before the run changed anything. */
interface Found {
  leftovers: string[]
  /** In a plan: why it did not answer. */
  silent: OpsError | undefined
}

function formatSilence(silent: OpsError | undefined): string[] {
  if (!silent) return []
  const { what, next } = silent.failure
  return [`? the state of the server is unknown: ${what}`, ...(next ? [`  → ${next}`] : [])]
}

const silenceToJson = (silent: OpsError | undefined): object =>
  silent ? { unknown: 1, why: silent.failure.what, next: silent.failure.next } : { unknown: 0 }

/** The access to the server for a plan, with placeholders for what is unknown. */
const getPlannedAccess = (context: Context): Promise<ServerAccess> =>
  getServerAccess(context).catch((thrown) => {
    if (!isUnanswered(thrown)) throw thrown
    return { config: context.config, address: 'ADDRESS', password: '', authorities: 'AUTHORITIES' }
  })

/** Returns the plan of a backup, with placeholders for what only the run itself creates. */
async function planBackup(
  context: Context,
  folder: string,
  options: BackupOptions,
  { before, leftovers, silent }: Found & { before: DumpPreview | undefined },
) {
  const { config } = context
  const file = path.join(folder, createDumpName(config, new Date()))
  const { backups } = readBackups(folder, config)
  // The new backup counts as one of those to keep.
  const old = selectExpired(backups, options.keep - 1)
  const unknown = { encoding: 'ENCODING', provider: null, collate: 'COLLATE', ctype: 'CTYPE', locale: null }
  const access = await getPlannedAccess(context)
  const lines = [
    display(dumpCommand(access, 'SNAPSHOT', file)),
    ...(options.prove === 'new' ? proveLines(access, file, before?.locale ?? unknown) : []),
  ]
  const about = before && ` (${formatBytes(before.bytes)} on the server, PostgreSQL ${before.serverVersion})`
  const text = [
    `Would dump ${config.postgres.database}${about ?? ''} to ${file}`,
    ...lines.map((line) => `  $ ${line}`),
    ...old.map((each) => `Would remove ${each.file}`),
    ...leftovers.map((each) => `Would drop ${each}, left by a killed run, unless a run still uses it`),
    ...formatSilence(silent),
  ]
  const removes = old.map((each) => each.file)
  const data = { ok: true, dryRun: true, file, lines, removes, leftovers, ...silenceToJson(silent) }
  return { text: text.join('\n'), data }
}

function proveLines(access: ServerAccess, file: string, locale: Locale): string[] {
  const database = createTemporaryName(access.config.postgres.database, 'prove', new Date())
  const create = createDatabaseQuery(database, locale, undefined, 'record')
  const restore = restoreCommand(access, database, file)
  return [create, restore, dropDatabaseQuery(database, 'record')].map(display)
}

function describeBackup({ file, manifest }: Backup): string {
  const { content, bytes, proven } = manifest
  const held = `${describeContent(content)}, ${formatBytes(bytes)}`
  const how = proven
    ? `; verified ${proven.at} in ${formatDuration(proven.seconds * 1000)}: the restored copy is identical`
    : ''
  return `${file}: ${held}${how}`
}

function toJson({ file, manifest }: Backup): object {
  const { bytes, sha256, taken, content, proven = null } = manifest
  return { file, bytes, sha256, taken, rows: countRows(content), tables: content.tables, proven }
}
