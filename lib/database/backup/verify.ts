import type { Command } from '../../shell/command.ts'
import type { Context } from '../../tasks/task.ts'
import { OpsError } from '../../util/errors.ts'
import { createDatabaseQuery, createTemporaryName, withTemporaryDatabase } from '../databases.ts'
import { explainTool, getServerAccess, parseRestoreErrors, restoreCommand } from '../pgTools.ts'
import { compareContent, withSnapshot } from './content.ts'
import type { Backup } from './folder.ts'
import { verifyChecksum, writeManifest } from './manifest.ts'

/**
 * Restores a backup into a temporary database on the same server, compares every table with the manifest, drops the
 * database, and records the result in the manifest. Throws with what is wrong with the backup.
 */
export async function proveBackup(
  context: Context,
  backup: Backup,
  log: (line: string) => void,
): Promise<Backup> {
  const { config } = context
  const { file, manifest } = backup
  const began = performance.now()
  await verifyChecksum(file, manifest)
  const database = createTemporaryName(config.postgres.database, 'prove', new Date())
  log(`Restoring ${file} into ${database}`)
  const create = createDatabaseQuery(database, manifest.locale, undefined, 'record')
  await withTemporaryDatabase(context, database, create, async () => {
    const command = restoreCommand(await getServerAccess(context), database, file)
    await restoreAndCompare(context, { ...command, effect: 'record' }, database, backup)
  })
  const seconds = Math.round((performance.now() - began) / 100) / 10
  const proven = { at: new Date().toISOString(), server: config.postgres.server, seconds }
  const verified = { ...manifest, proven }
  writeManifest(file, verified)
  return { file, manifest: verified }
}

/**
 * Runs pg_restore and compares the result with the manifest. Throws with every difference; an outside cause (network,
 * password, disk) is reported as such, because it says nothing about the backup.
 */
export async function restoreAndCompare(
  context: Context,
  command: Command,
  database: string,
  { file, manifest }: Backup,
): Promise<void> {
  const { stderr } = await context.runner.run(command)
  const errors = assertNotHindered(parseRestoreErrors(stderr))
  const differences =
    errors.length > 0
      ? []
      : await withSnapshot(context, database, (restored) => compareContent(manifest.content, restored))
  if (errors.length + differences.length === 0) return
  throw new OpsError({
    what: `${file} does not reproduce the database that it was taken from`,
    said: [...errors, ...differences].slice(0, 20).join('\n'),
    next: 'Do not rely on it: take another backup, or restore from another one.',
  })
}

/** Returns pg_restore's errors. Throws an explanation when they are not about the dump. */
export function assertNotHindered(errors: string[]): string[] {
  const said = errors.join('\n')
  const meaning = explainTool(said)
  if (!meaning) return errors
  throw new OpsError({ what: 'pg_restore failed', said, ...meaning })
}
