import { closeSync, openSync } from 'node:fs'
import path from 'node:path'
import { messageOf, unknownError } from '../command/errors.ts'
import { makeFolder } from '../command/makeFolder.ts'
import { type Connection, connect } from './connection.ts'
import { isDamage } from './faults.ts'

/** Does something while no other process does anything under the same lock. */
export type Alone = <Value>(work: () => Value) => Value

/**
 * A lock of SQLite's on an empty file of its own, made when need be with its folder (0700): it ends with the process.
 * Throws SQLite's own errors after waiting `waitMs`, and an OpsError (exit 3) where the file is none of ours.
 */
export async function lockOn(file: string, waitMs: number): Promise<Alone> {
  const open = await connect(file, { waitMs, readOnly: false })
  function taken(): Connection {
    let lock: Connection | undefined
    try {
      lock = open()
      lock.exec('BEGIN EXCLUSIVE')
      return lock
    } catch (thrown) {
      lock?.close()
      // It must not be taken for damage of what it guards.
      if (!isDamage(thrown)) throw thrown
      throw unknownError(`${file} is no lock of ours`, messageOf(thrown), 'Take it away: it holds nothing.')
    }
  }
  return (work) => {
    makeFolder(path.dirname(file), 0o700)
    makeOwn(file)
    const lock = taken()
    try {
      return work()
    } finally {
      lock.close()
    }
  }
}

/** SQLite itself would make it as readable as the umask allows. Where it cannot be made, SQLite says why. */
function makeOwn(file: string): void {
  try {
    closeSync(openSync(file, 'a', 0o600))
  } catch {}
}
