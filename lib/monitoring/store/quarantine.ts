import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { formatTimestamp } from '../../util/time.ts'

/** Distinguishes a file from another one that has taken its name. */
export const getFileId = (file: string): string | undefined => {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false })
  return found && `${found.dev}:${found.ino}`
}

/**
 * Renames a damaged history together with SQLite's companion files. Returns the new name; undefined when another
 * process has already moved it (the file is no longer `identity`). Must be called under the lock that every opener
 * takes.
 */
export function quarantine(file: string, identity: string | undefined, now: Date): string | undefined {
  if (identity === undefined || getFileId(file) !== identity) return undefined
  const first = `${file}.damaged-${formatTimestamp(now)}`
  let name = first
  for (let turn = 2; existsSync(name); turn++) name = `${first}-${turn}`
  writeUnreported(file, [...getUnreported(file), name])
  // The write-ahead log must move first: left behind, it would be applied to the new file.
  for (const ending of ['-wal', '-shm']) {
    if (existsSync(file + ending)) renameSync(file + ending, name + ending)
  }
  renameSync(file, name)
  return name
}

const getUnreportedFile = (file: string): string => `${file}.damaged.json`

/** Quarantined files of a run that ended before it reported them. */
export function getUnreported(file: string): string[] {
  try {
    const names = JSON.parse(readFileSync(getUnreportedFile(file), 'utf8')) as string[]
    return names.map((name) => path.join(path.dirname(file), name)).filter((name) => existsSync(name))
  } catch {
    return [] // missing, or incomplete
  }
}

export const markReported = (file: string, names: readonly string[]): void =>
  writeUnreported(
    file,
    getUnreported(file).filter((name) => !names.includes(name)),
  )

function writeUnreported(file: string, names: readonly string[]): void {
  const list = getUnreportedFile(file)
  const content = JSON.stringify(names.map((name) => path.basename(name)))
  try {
    if (names.length === 0) rmSync(list, { force: true })
    else writeFileSync(list, content, { mode: 0o600 })
  } catch {
    // The run that quarantines a file reports it anyway; only a killed one does not.
  }
}
