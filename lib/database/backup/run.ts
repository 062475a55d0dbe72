import path from 'node:path'
import { formatScriptLine } from '../../config/pasteLine.ts'
import { display } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
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

export interface BackupOptions {
  /** Undefined: in the state folder. */
  to: string | undefined
  keep: number
  /** `new`: the one that is taken now; otherwise a file, and none is taken. */
  prove: 'no' | 'new' | { file: string }
  planning: boolean
}

/** Reads the flags. Throws exit 2 naming what cannot be read. */
export function parseBackupOptions(flags: {
  to?: string
  keep?: string
  prove?: string | boolean
  dryRun?: boolean
}): BackupOptions {
  const { to, keep = '14', prove: what = false, dryRun } = flags
  if (typeof what === 'string' && (to !== undefined || flags.keep !== undefined))
    throw usageError('--prove FILE takes no backup, and goes with neither --to nor --keep')
  const kept = parseNumber(keep, { whole: true, minimum: 1, maximum: 99_999 })
  if (kept === undefined) throw usageError(`--keep ${keep} is not a number of backups`, 'Use 1 or more.')
  const proof = what ? 'new' : 'no'
  return {
    to: to === undefined ? undefined : path.resolve(to),
    keep: kept,
    prove: typeof what === 'string' ? { file: path.resolve(what) } : proof,
    planning: dryRun === true,
  }
}

export interface BackupResult {
  text: string
  data: object
  changes: boolean
}

interface About {
  by: string
  log: (line: string) => void
  /** Aborted on the first Ctrl-C: what runs is finished, nothing more is begun. */
  stopping: AbortSignal
}

/** Takes a backup, proves it or another one if asked to, and lets the oldest go. */
export async function backUp(context: Context, options: BackupOptions, about: About): Promise<BackupResult> {
  const folder = options.to ?? path.join(context.config.stateDir, 'backups')
  if (typeof options.prove === 'object') readManifest(options.prove.file)
  let silent: OpsError | undefined
  /** A plan goes on without the server's answer, and says so. */
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
  for (const each of swept) about.log(`Removed what a killed run had left: ${each}`)
  const taken = await takeBackup(context, folder, before, about)
  about.log(`Kept as ${taken.file}`)
  const done = options.prove === 'new' ? await proveNew(context, taken, about) : taken
  const { backups, unknown } = readBackups(folder, context.config)
  for (const each of unknown) about.log(`! ${each} has no manifest that tells whose it is: it is left alone`)
  const old = selectExpired(backups, options.keep)
  old.forEach(removeBackup)
  return {
    text: [describeBackup(done), ...old.map(({ file }) => `Removed ${file}`)].join('\n'),
    data: {
      ok: true,
      ...toJson(done),
      removed: old.map(({ file }) => file),
      kept: backups.length - old.length,
    },
    changes: true,
  }
}

async function proveNew(context: Context, taken: Backup, { log, stopping }: About): Promise<Backup> {
  if (stopping.aborted)
    throw new OpsError({
      what: `Interrupted: ${taken.file} is complete, but not proven`,
      next: formatScriptLine('backup-database', '--prove', taken.file),
    })
  return proveBackup(context, taken, log)
}

async function proveOne(
  context: Context,
  file: string,
  options: BackupOptions,
  { leftovers, silent }: Found,
  about: About,
): Promise<BackupResult> {
  const backup = { file, manifest: readManifest(file) }
  await requirePgTool(context, 'pg_restore', Number.parseInt(backup.manifest.toolVersion, 10))
  if (options.planning) {
    await verifyChecksum(file, backup.manifest)
    const lines = proveLines(await getPlannedAccess(context), backup)
    return {
      text: [`${file} is whole; it would be proven:`, ...lines, ...formatSilence(silent)].join('\n'),
      data: { ok: true, dryRun: true, lines, ...silenceToJson(silent) },
      changes: true,
    }
  }
  const dropped = await dropLeftovers(context, leftovers)
  for (const each of dropped) about.log(`Removed what a killed run had left: ${each}`)
  const proven = await proveBackup(context, backup, about.log)
  return { text: describeBackup(proven), data: { ok: true, ...toJson(proven) }, changes: true }
}

/** What the server said before anything is done. */
interface Found {
  leftovers: string[]
  /** In a plan: why it said nothing, or not all. */
  silent: OpsError | undefined
}

const formatSilence = (silent: OpsError | undefined): string[] =>
  silent
    ? [
        `? cannot tell what is on the server: ${silent.failure.what}`,
        ...(silent.failure.next ? [`  → ${silent.failure.next}`] : []),
      ]
    : []

const silenceToJson = (silent: OpsError | undefined): object =>
  silent ? { unknown: 1, why: silent.failure.what, next: silent.failure.next } : { unknown: 0 }

/** How a plan's lines reach the server; what could not be found out stands for itself. */
async function getPlannedAccess(context: Context): Promise<ServerAccess> {
  return getServerAccess(context).catch((thrown) => {
    if (!isUnanswered(thrown)) throw thrown
    return { config: context.config, address: 'ADDRESS', password: '', authorities: 'AUTHORITIES' }
  })
}

const unknownLocale: Locale = {
  ...{ encoding: 'ENCODING', provider: null, collate: 'COLLATE', ctype: 'CTYPE', locale: null },
}

/** The lines of a plan. What is made up while it runs (a name, a snapshot) stands for itself. */
async function planBackup(
  context: Context,
  folder: string,
  options: BackupOptions,
  { before, leftovers, silent }: Found & { before: DumpPreview | undefined },
): Promise<BackupResult> {
  const { config } = context
  const now = new Date()
  const file = path.join(folder, createDumpName(config, now))
  const { backups } = readBackups(folder, config)
  // The one to come is the newest.
  const old = selectExpired(backups, options.keep - 1)
  const manifest = { locale: before?.locale ?? unknownLocale } as Backup['manifest']
  const reached = await getPlannedAccess(context)
  const lines = [
    display(dumpCommand(reached, 'SNAPSHOT', file)),
    ...(options.prove === 'new' ? proveLines(reached, { file, manifest }) : []),
  ]
  const about = before && ` (${formatBytes(before.bytes)} on the server, PostgreSQL ${before.serverVersion})`
  const text = [
    `Would dump ${config.postgres.database}${about ?? ''} to ${file}`,
    ...lines.map((line) => `  $ ${line}`),
    ...old.map((each) => `Would remove ${each.file}`),
    ...leftovers.map((each) => `Would drop ${each}, left by a killed run, unless it still runs`),
    ...formatSilence(silent),
  ]
  const data = {
    ok: true,
    dryRun: true,
    file,
    lines,
    removes: old.map((each) => each.file),
    leftovers,
    ...silenceToJson(silent),
  }
  return { text: text.join('\n'), data, changes: true }
}

function proveLines(reached: ServerAccess, { file, manifest }: Backup): string[] {
  const database = createTemporaryName(reached.config.postgres.database, 'prove', new Date())
  const create = createDatabaseQuery(database, manifest.locale, undefined, 'record')
  const restore = restoreCommand(reached, database, file)
  return [create, restore, dropDatabaseQuery(database, 'record')].map(display)
}

function describeBackup({ file, manifest }: Backup): string {
  const { content, bytes, proven } = manifest
  const held = `${describeContent(content)}, ${formatBytes(bytes)}`
  const how = proven
    ? `; proven ${proven.at} in ${formatDuration(proven.seconds * 1000)}: restored and the same`
    : ''
  return `${file}: ${held}${how}`
}

const toJson = ({ file, manifest }: Backup): object => ({
  file,
  bytes: manifest.bytes,
  sha256: manifest.sha256,
  taken: manifest.taken,
  rows: countRows(manifest.content),
  tables: manifest.content.tables,
  proven: manifest.proven ?? null,
})
