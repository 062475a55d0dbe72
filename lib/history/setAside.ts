import { existsSync, renameSync, statSync } from 'node:fs'

/** Tells one file from another that has taken its name. */
export const identityOf = (file: string): string | undefined => {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false })
  return found && `${found.dev}:${found.ino}`
}

/**
 * Renames a damaged history, with what SQLite keeps beside it. Gives its new name; undefined when another process has
 * put it aside already (the file is no longer `identity`).
 */
export function setAside(file: string, identity: string | undefined, now: Date): string | undefined {
  if (identity === undefined || identityOf(file) !== identity) return undefined
  const time = now.toISOString().replaceAll(/[-:]/g, '').replace(/\..*/, 'Z')
  let name = `${file}.damaged-${time}`
  for (let turn = 2; existsSync(name); turn++) name = `${file}.damaged-${time}-${turn}`
  renameSync(file, name)
  // A log of changes belongs to its file: left behind, it would be taken for the new one's.
  for (const ending of ['-wal', '-shm']) {
    if (existsSync(file + ending)) renameSync(file + ending, name + ending)
  }
  return name
}
