import type { Command } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
import { OpsError } from '../../util/errors.ts'
import { createDatabaseQuery, createTemporaryName, withTemporaryDatabase } from '../databases.ts'
import { explainTool, getServerAccess, parseRestoreErrors, restoreCommand } from '../pgTools.ts'
import { beginSnapshot, type Content, compareContent, endSnapshot, readContent } from './content.ts'
import type { Backup } from './folder.ts'
import { verifyChecksum, writeManifest } from './manifest.ts'

/**
 * Restores a backup into a database of its own on the same server, compares every table with the manifest, and takes
 * the database away again. What was found goes into the manifest. Throws saying what is wrong with the backup.
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
  await withTemporaryDatabase(
    context,
    database,
    createDatabaseQuery(database, manifest.locale, undefined, 'record'),
    async () => {
      const command = restoreCommand(await getServerAccess(context), database, file)
      await restoreAndCompare(context, { ...command, effect: 'record' }, database, backup)
    },
  )
  const seconds = Math.round((performance.now() - began) / 100) / 10
  const proven = { at: new Date().toISOString(), server: config.postgres.server, seconds }
  writeManifest(file, { ...manifest, proven })
  return { file, manifest: { ...manifest, proven } }
}

/**
 * Runs pg_restore and compares what is there then with the manifest. Throws with every difference; what hindered the
 * restore from outside (network, password, disk) is told as that, and says nothing about the backup.
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
    errors.length > 0 ? [] : compareContent(manifest.content, await readSnapshot(context, database))
  if (errors.length + differences.length === 0) return
  throw new OpsError({
    what: `${file} does not give back the database it was made of`,
    said: [...errors, ...differences].slice(0, 20).join('\n'),
    next: 'Do not rely on it: take another backup, or restore from another one.',
  })
}

/** Hands back pg_restore's errors, unless they are not about the dump: then throws what they mean. */
export function assertNotHindered(errors: string[]): string[] {
  const said = errors.join('\n')
  const meaning = explainTool(said)
  if (!meaning) return errors
  throw new OpsError({ what: 'pg_restore was hindered', said, ...meaning })
}

async function readSnapshot(context: Context, database: string): Promise<Content> {
  await context.runner.query(beginSnapshot(database))
  try {
    return await readContent(context, database)
  } finally {
    await context.runner.query(endSnapshot(database)).catch(() => {})
  }
}
