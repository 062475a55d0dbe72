import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** Tells one file from another that has taken its name. */
export const getFileId = (file: string): string | undefined => {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false })
  return found && `${found.dev}:${found.ino}`
}

/**
 * Renames a damaged history, with what SQLite keeps beside it. Gives its new name; undefined when another process has
 * put it aside already (the file is no longer `identity`). To be called under the lock that everybody opens it under.
 */
export function quarantine(file: string, identity: string | undefined, now: Date): string | undefined {
  if (identity === undefined || getFileId(file) !== identity) return undefined
  const time = now.toISOString().replaceAll(/[-:]/g, '').replace(/\..*/, 'Z')
  let name = `${file}.damaged-${time}`
  for (let turn = 2; existsSync(name); turn++) name = `${file}.damaged-${time}-${turn}`
  writeUnreported(file, [...getUnreported(file), name])
  // A log of changes belongs to its file: left behind, it would be taken for the new one's. So it goes first.
  for (const ending of ['-wal', '-shm']) {
    if (existsSync(file + ending)) renameSync(file + ending, name + ending)
  }
  renameSync(file, name)
  return name
}

const getUnreportedFile = (file: string): string => `${file}.damaged.json`

/** Damaged files that were set aside by a run which ended before it said so. */
export function getUnreported(file: string): string[] {
  try {
    const names = JSON.parse(readFileSync(getUnreportedFile(file), 'utf8')) as string[]
    return names.map((name) => path.join(path.dirname(file), name)).filter((name) => existsSync(name))
  } catch {
    return [] // there is none, or it is half written
  }
}

/** Those were told to somebody. */
export function markReported(file: string, names: readonly string[]): void {
  const unsaid = getUnreported(file)
  if (unsaid.length > 0)
    writeUnreported(
      file,
      unsaid.filter((name) => !names.includes(name)),
    )
}

function writeUnreported(file: string, names: readonly string[]): void {
  try {
    if (names.length === 0) rmSync(getUnreportedFile(file), { force: true })
    else
      writeFileSync(getUnreportedFile(file), JSON.stringify(names.map((name) => path.basename(name))), {
        mode: 0o600,
      })
  } catch {
    // The run that sets it aside says it all the same; only one that is killed before does not.
  }
}
