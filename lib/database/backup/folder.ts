import { constants, copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import type { Config } from '../../config/config.ts'
import { isAlive } from '../../shell/secretFile.ts'
import { getMessage, OpsError, usageError } from '../../util/errors.ts'
import { formatTimestamp } from '../../util/time.ts'
import { getManifestPath, type Manifest, readManifest } from './manifest.ts'

export interface Backup {
  /** The dump; its manifest is next to it. */
  file: string
  manifest: Manifest
}

export const createDumpName = (config: Config, time: Date): string =>
  `${config.postgres.database}-${formatTimestamp(time)}.dump`

const machine = hostname().replaceAll(/[^A-Za-z0-9-]/g, '-')

/** The folder of an incomplete backup is named after the process that takes it. */
const partial = /^\.(.+\.dump)\.([A-Za-z0-9-]+)\.(\d+)\.partial$/

/** A manifest written by this tool, complete or partial. */
const manifestName = /^(.+-\d{8}T\d{6}Z\.dump)\.json(?:(?:\.\d+)?\.new)?$/

/**
 * Creates the folder of an incomplete backup (0700), and `folder` itself but not its parents: a mistyped path is an error.
 * Throws an error that names the folder.
 */
export function makePartial(folder: string, name: string): string {
  const within = path.join(folder, `.${name}.${machine}.${process.pid}.partial`)
  try {
    if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 })
    mkdirSync(within, { mode: 0o700 })
  } catch (thrown) {
    throw new OpsError({
      what: `The folder ${folder} cannot be written to`,
      said: getMessage(thrown),
      next: 'Make it writable, or choose another folder with --to.',
    })
  }
  return within
}

/** Moves a complete backup to its place: the manifest first, so that no dump is ever without one. */
export function publishBackup(within: string, folder: string, name: string): string {
  const [from, to] = [path.join(within, name), path.join(folder, name)]
  try {
    copyFileSync(getManifestPath(from), getManifestPath(to), constants.COPYFILE_EXCL)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST')
      throw new OpsError({ what: `The backup ${to} already exists: two were started in the same second` })
    rmSync(getManifestPath(to), { force: true })
    throw thrown
  }
  renameSync(from, to)
  return to
}

function listNames(folder: string): string[] {
  if (!existsSync(folder)) return []
  try {
    return readdirSync(folder)
  } catch (thrown) {
    const what = `The folder ${folder} cannot be read: ${getMessage(thrown)}`
    throw usageError(what, 'Choose another one with --to.')
  }
}

/** Lists this environment's backups in a folder, newest first, and as `unknown` the dumps without a usable manifest. */
export function readBackups(folder: string, config: Config): { backups: Backup[]; unknown: string[] } {
  const backups: Backup[] = []
  const unknown: string[] = []
  for (const name of listNames(folder).sort().reverse()) {
    if (!name.endsWith('.dump')) continue
    const file = path.join(folder, name)
    try {
      const manifest = readManifest(file)
      const { server, database, environment } = manifest
      if (server !== config.postgres.server || database !== config.postgres.database) continue
      if (environment === undefined) unknown.push(file)
      else if (environment === config.environment) backups.push({ file, manifest })
    } catch {
      unknown.push(file)
    }
  }
  backups.sort((left, right) => right.manifest.taken.localeCompare(left.manifest.taken))
  return { backups, unknown }
}

/** The backups to remove: all but the newest `keep` and the last verified one. */
export function selectExpired(backups: readonly Backup[], keep: number): Backup[] {
  const proven = backups
    .filter(({ manifest }) => manifest.proven)
    .sort((left, right) => right.manifest.proven!.at.localeCompare(left.manifest.proven!.at))[0]
  return backups.slice(keep).filter((each) => each !== proven)
}

/**
 * Removes the dump first: a manifest without a dump is a mere leftover, but a dump without a manifest could
 * not be verified.
 */
export function removeBackup({ file }: Backup): void {
  rmSync(file, { force: true })
  rmSync(getManifestPath(file), { force: true })
}

/** Removes what killed backups on this machine left behind. Returns the names. */
export function removeLeftovers(folder: string): string[] {
  if (!existsSync(folder)) return []
  const names = readdirSync(folder)
  const making = names.flatMap((name) => {
    const [, dump, on, pid] = partial.exec(name) ?? []
    return dump ? [{ name, dump, dead: on === machine && !isAlive(Number(pid)) }] : []
  })
  const orphans = names.filter((name) => {
    const dump = manifestName.exec(name)?.[1]
    const alone = dump !== undefined && !names.includes(dump)
    return alone && !making.some((each) => each.dump === dump && !each.dead)
  })
  const gone = [...making.filter(({ dead }) => dead).map(({ name }) => name), ...orphans]
  for (const name of gone) rmSync(path.join(folder, name), { recursive: true, force: true })
  return gone
}
