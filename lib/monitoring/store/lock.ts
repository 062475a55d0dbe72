import { closeSync, openSync } from 'node:fs'
import path from 'node:path'
import { getMessage, unknownError } from '../../util/errors.ts'
import { makeFolder } from '../../util/files.ts'
import { isDamage, openDatabase } from './sqlite.ts'

/**
 * Takes an exclusive SQLite lock on an empty file, created if needed with its folder (0700). It works on all systems
 * and ends with the process. Returns what releases it.
 * Throws SQLite's own error (see `isBusy`) after waiting `waitMs`, and an OpsError (exit 3) when the file is not a lock
 * file.
 */
export function acquireLock(file: string, waitMs: number): () => void {
  createPrivateFile(file)
  try {
    const lock = openDatabase(file, { waitMs, readOnly: false })
    try {
      lock.exec('BEGIN EXCLUSIVE')
      return lock.close
    } catch (thrown) {
      lock.close()
      throw thrown
    }
  } catch (thrown) {
    // Must not be mistaken for damage of the file that the lock protects.
    if (!isDamage(thrown)) throw thrown
    throw unknownError(`${file} is not a lock file`, getMessage(thrown), 'Delete it; it contains no data.')
  }
}

/** Runs `work` while this process holds the lock. Throws as `acquireLock` does. */
export function withLock<Value>(file: string, waitMs: number, work: () => Value): Value {
  const release = acquireLock(file, waitMs)
  try {
    return work()
  } finally {
    release()
  }
}

/** Creates a file for its owner alone (0600, folder 0700); SQLite itself would apply the umask. */
export function createPrivateFile(file: string): void {
  makeFolder(path.dirname(file), 0o700)
  closeSync(openSync(file, 'a', 0o600))
}
