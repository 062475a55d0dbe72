import { existsSync, readFileSync, statSync } from 'node:fs'
import { OpsError, usageError } from '../../util/errors.ts'
import { sha256OfFile, writeAtomically } from '../../util/files.ts'
import { hasFields, isListOf, isNumber, isObject, isOptional, isText } from '../../util/shape.ts'
import type { Content } from './content.ts'

/** How a database orders and classifies text: the options of CREATE DATABASE. */
export interface Locale {
  encoding: string
  /**
   * libc, icu or builtin (pg_database.datlocprovider: c, i, b); null before PostgreSQL 15, when there was only libc.
   */
  provider: string | null
  collate: string
  ctype: string
  /** Only for icu and builtin. */
  locale: string | null
}

/** FILE.json next to a dump: everything needed to verify the dump. */
export interface Manifest {
  format: 1
  /**
   * The environment of the configuration, because a rehearsal's server has the same name as the real one. The
   * first backups lack it.
   */
  environment?: string
  server: string
  database: string
  serverVersion: string
  toolVersion: string
  taken: string
  by: string
  bytes: number
  sha256: string
  locale: Locale
  /** Taken from the same snapshot as the dump. */
  content: Content
  /** The last successful test restore. */
  proven?: { at: string; server: string; seconds: number }
}

export const getManifestPath = (dump: string): string => `${dump}.json`

/** Throws when there is none or it cannot be read. */
export function readManifest(dump: string): Manifest {
  const file = getManifestPath(dump)
  if (!existsSync(dump))
    throw usageError(`Backup ${dump} not found`, 'A backup consists of a .dump file and its .dump.json.')
  if (!existsSync(file))
    throw new OpsError({
      what: `${dump} has no manifest, so it cannot be verified`,
      next: `Copy ${file} from the machine where the backup was taken, or take another backup.`,
    })
  try {
    const found: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (isManifest(found)) return found
  } catch {
    // Reported below.
  }
  throw new OpsError({
    what: `${file} is not the manifest of a backup, so the dump cannot be verified`,
    next: 'Copy it from the machine where the backup was taken, or take another backup.',
  })
}

/** Whether every field that is read has its type: a damaged manifest is named, and its backup is not used. */
const isManifest = (found: unknown): found is Manifest =>
  hasFields({
    format: (value) => value === 1,
    environment: isOptional(isText),
    server: isText,
    database: isText,
    serverVersion: isText,
    toolVersion: isText,
    taken: isText,
    by: isText,
    sha256: isText,
    bytes: isNumber,
    locale: isObject,
    content: hasFields({
      objects: (value) => isObject(value) && Object.values(value).every(isNumber),
      tables: isListOf(hasFields({ schema: isText, name: isText, checksum: isText, rows: isNumber })),
    }),
    proven: isOptional(hasFields({ at: isText, server: isText, seconds: isNumber })),
  })(found)

export function writeManifest(dump: string, manifest: Manifest): void {
  writeAtomically(getManifestPath(dump), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 })
}

/** Throws when size or checksum of the dump differ from its manifest. */
export async function verifyChecksum(dump: string, { bytes, sha256 }: Manifest): Promise<void> {
  const next = 'Do not rely on it: take another backup, or restore from another one.'
  const size = statSync(dump).size
  if (size !== bytes)
    throw new OpsError({ what: `${dump} is damaged: it has ${size} of ${bytes} bytes`, next })
  const sum = await sha256OfFile(dump)
  if (sum === sha256) return
  const what = `${dump} is damaged: its SHA-256 has changed`
  throw new OpsError({ what, said: `${sum}, not ${sha256}`, next })
}
