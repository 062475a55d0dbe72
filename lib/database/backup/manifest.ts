import { existsSync, readFileSync, statSync } from 'node:fs'
import { OpsError, usageError } from '../../util/errors.ts'
import { sha256OfFile, writeAtomically } from '../../util/files.ts'
import type { Content } from './content.ts'

/** How a database orders and classifies text; CREATE DATABASE takes it. */
export interface Locale {
  encoding: string
  /** libc, icu or builtin (pg_database.datlocprovider: c, i, b); null before PostgreSQL 15, which knew libc alone. */
  provider: string | null
  collate: string
  ctype: string
  /** Of icu and builtin. */
  locale: string | null
}

/** What stands beside a dump, as FILE.json: all that is needed to tell whether it is whole. */
export interface Manifest {
  format: 1
  /** The configuration's name: a rehearsal's server has the same name as the real one. Missing in the first backups. */
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
  /** Read in the same snapshot as the dump. */
  content: Content
  /** When it was last restored and found the same. */
  proven?: { at: string; server: string; seconds: number }
}

export const getManifestPath = (dump: string): string => `${dump}.json`

/** Throws when there is none, or when it cannot be read: then nothing is known of the dump. */
export function readManifest(dump: string): Manifest {
  const file = getManifestPath(dump)
  if (!existsSync(dump))
    throw usageError(`There is no backup ${dump}`, 'ls its folder: a backup is a .dump and its .dump.json.')
  if (!existsSync(file)) {
    throw new OpsError({
      what: `${dump} has no manifest: whether it is whole cannot be told`,
      next: `Bring ${file} from where the backup was made, or take another backup.`,
    })
  }
  try {
    const found = JSON.parse(readFileSync(file, 'utf8')) as Manifest
    if (found.format === 1 && Array.isArray(found.content?.tables) && typeof found.sha256 === 'string')
      return found
  } catch {
    // Said below.
  }
  throw new OpsError({
    what: `${file} is not the manifest of a backup: whether the dump is whole cannot be told`,
    next: 'Bring it from where the backup was made, or take another backup.',
  })
}

export function writeManifest(dump: string, manifest: Manifest): void {
  writeAtomically(getManifestPath(dump), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 })
}

/** Throws when the dump is not byte for byte what its manifest describes. */
export async function verifyChecksum(dump: string, { bytes, sha256 }: Manifest): Promise<void> {
  const next = 'Do not rely on it: take another backup, or restore from another one.'
  const size = statSync(dump).size
  if (size !== bytes)
    throw new OpsError({ what: `${dump} is damaged: it has ${size} bytes of ${bytes}`, next })
  const sum = await sha256OfFile(dump)
  if (sum === sha256) return
  throw new OpsError({
    what: `${dump} is damaged: its SHA-256 is not the one it was made with`,
    said: `${sum}, not ${sha256}`,
    next,
  })
}
