import { chmodSync, existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Context } from '../../tasks/task.ts'
import { getMessage, OpsError } from '../../util/errors.ts'
import { sha256OfFile } from '../../util/files.ts'
import { formatBytes } from '../../util/format.ts'
import { readLocale } from '../databases.ts'
import { dumpCommand, freeSpace, getServerAccess, listCommand, requirePgTool } from '../pgTools.ts'
import { type Content, describeContent, withSnapshot } from './content.ts'
import { type Backup, createDumpName, makePartial, publishBackup } from './folder.ts'
import { type Manifest, writeManifest } from './manifest.ts'

export type DumpPreview = Awaited<ReturnType<typeof previewDump>>

/**
 * Checks that the database and the tools exist and that the tools are new enough. Changes nothing. `bytes` is
 * the size of the database on the server.
 */
export async function previewDump(context: Context) {
  const [row] = await context.runner.query<{ version: string; number: number; bytes: string }>({
    text: `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number, pg_database_size(current_database())::text AS bytes`,
    effect: 'read',
    title: 'version and size of the database',
  })
  const major = Math.floor(row!.number / 10_000)
  const toolVersion = await requirePgTool(context, 'pg_dump', major)
  await requirePgTool(context, 'pg_restore', major)
  const locale = await readLocale(context)
  return { serverVersion: row!.version, toolVersion, locale, bytes: Number(row!.bytes) }
}

/**
 * Dumps the database into a folder. Dump and manifest show the same snapshot; both get their names only when the dump is
 * complete and lists every table. A failure leaves nothing behind.
 */
export async function takeBackup(
  context: Context,
  folder: string,
  before: DumpPreview,
  about: { by: string; log: (line: string) => void },
): Promise<Backup> {
  const { config } = context
  const { server, database } = config.postgres
  const { serverVersion, toolVersion, locale } = before
  const taken = new Date()
  const name = createDumpName(config, taken)
  const within = makePartial(folder, name)
  try {
    const dump = path.join(within, name)
    const { content, toc } = await dumpSnapshot(context, dump, about.log)
    assertListsTables(content, toc)
    chmodSync(dump, 0o600)
    const manifest: Manifest = {
      ...{ format: 1, environment: config.environment, server, database, serverVersion, toolVersion },
      ...{ taken: taken.toISOString(), by: about.by, bytes: statSync(dump).size },
      ...{ sha256: await sha256OfFile(dump), locale, content },
    }
    writeManifest(dump, manifest)
    return { file: publishBackup(within, folder, name), manifest }
  } catch (thrown) {
    throw explainDisk(thrown, folder)
  } finally {
    rmSync(within, { recursive: true, force: true })
  }
}

/** pg_dump reads the same snapshot as the rows and checksums. */
async function dumpSnapshot(context: Context, dump: string, log: (line: string) => void) {
  const { runner } = context
  const access = await getServerAccess(context)
  return withSnapshot(context, undefined, async (content, snapshot) => {
    log(`Dumping ${describeContent(content)}`)
    // Created here, because pg_dump would use the umask's permissions.
    writeFileSync(dump, '', { mode: 0o600, flag: 'wx' })
    const progress = setInterval(() => {
      if (existsSync(dump)) log(`  ${formatBytes(statSync(dump).size)} so far`)
    }, 30_000)
    try {
      await runner.run(dumpCommand(access, snapshot, dump))
    } finally {
      clearInterval(progress)
    }
    const { stdout } = await runner.run(listCommand(dump))
    return { content, toc: stdout }
  })
}

/** Throws when the dump's table of contents lacks the data of a counted table. */
function assertListsTables({ tables }: Content, toc: string): void {
  const missing = tables.filter(({ schema, name }) => !toc.includes(` TABLE DATA ${schema} ${name} `))
  if (missing.length === 0) return
  throw new OpsError({
    what: `The dump lacks ${missing.map(({ schema, name }) => `${schema}.${name}`).join(', ')} and was deleted`,
    next: "Run this command again; the transcript has pg_dump's output.",
  })
}

function explainDisk(thrown: unknown, folder: string): unknown {
  if ((thrown as NodeJS.ErrnoException).code !== 'ENOSPC') return thrown
  return new OpsError({
    what: `The disk of ${folder} is full`,
    said: getMessage(thrown),
    next: freeSpace,
  })
}
