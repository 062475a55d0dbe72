import { closeSync, openSync, statSync } from 'node:fs'
import path from 'node:path'
import { formatScriptLine } from '../../config/pasteLine.ts'
import { getMessage, OpsError, unknownError } from '../../util/errors.ts'
import { makeFolder } from '../../util/files.ts'
import { formatDuration } from '../../util/format.ts'
import { getFileId, getUnreported, markReported, quarantine } from './quarantine.ts'
import { migrate, readVersion } from './schema.ts'
import { type Connection, connect } from './sqlite.ts'

export interface OpenOptions {
  /** Never changes anything; the file must be there. */
  readOnly: boolean
  /** How long another process that writes is waited for. */
  waitMs: number
}

/** A history file, which is another one once a damaged one was set aside. */
export interface OpenFile {
  connection: Connection
  /** Where damaged files were put, the newest last; also by a run that ended before it said so. */
  damaged: string[]
  /** What is in `damaged` was said, and needs not be said again. */
  markDamageReported(): void
  /** Opens the file that has taken this one's place: another process has set it aside. */
  reopenIfReplaced(): void
  /** Puts the file aside as damaged and begins a new one; `thrown` says why. Throws where that cannot be. */
  quarantineAndReopen(thrown: unknown): void
  /** SQLite's or the file system's words as a failure that says what to do. */
  fault(thrown: unknown): unknown
}

/**
 * Opens the file, makes it when need be (folder 0700, file 0600), and sets a damaged one aside.
 * Throws OpsError (exit 3): held by another process, cannot be written, from a newer version, not ours; read-only also
 * when it is absent or damaged.
 */
export async function openFile(file: string, options: OpenOptions): Promise<OpenFile> {
  const { readOnly, waitMs } = options
  const toError = (thrown: unknown): unknown => toHistoryError(thrown, file, waitMs)
  const open = await connect(file, options)
  /** Nobody opens a file that is just being set aside. */
  const lock = readOnly ? undefined : await lockOn(`${file}.lock`, waitMs)
  const alone = <Value>(work: () => Value): Value => (lock ? lock(work) : work())
  let identity: string | undefined

  const opened = (): Connection => {
    if (!readOnly) makeFile(file)
    identity = getFileId(file)
    const connection = open()
    try {
      if (readOnly) assertTables(connection, file)
      else retryWhileBusy(waitMs, () => migrate(connection, file))
      return connection
    } catch (thrown) {
      connection.close()
      throw thrown
    }
  }
  const openedAfter = (thrown: unknown): Connection => {
    if (readOnly || !isDamage(thrown)) throw toError(thrown)
    try {
      return alone(() => {
        const name = quarantine(file, identity, new Date())
        if (name) result.damaged.push(name)
        return opened()
      })
    } catch (again) {
      throw toError(again)
    }
  }

  const result: OpenFile = {
    connection: undefined as unknown as Connection,
    damaged: readOnly ? [] : getUnreported(file),
    markDamageReported: () => markReported(file, result.damaged.splice(0)),
    reopenIfReplaced() {
      if (readOnly || getFileId(file) === identity) return
      closed()
      try {
        result.connection = alone(opened)
      } catch (thrown) {
        result.connection = openedAfter(thrown)
      }
    },
    quarantineAndReopen(thrown) {
      closed()
      result.connection = openedAfter(thrown)
    },
    fault: toError,
  }
  const closed = (): void => {
    try {
      result.connection.close()
    } catch {
      // A damaged file may not even be closed in peace.
    }
  }
  if (readOnly && !statSync(file, { throwIfNoEntry: false })) throw noHistory(file)
  try {
    result.connection = alone(opened)
  } catch (thrown) {
    result.connection = openedAfter(thrown)
  }
  return result
}

const noHistory = (file: string) =>
  unknownError(
    `There is no history yet: ${file}`,
    undefined,
    `${formatScriptLine('health')} looks and records; ${formatScriptLine('schedule')} makes it run by itself.`,
  )

function makeFile(file: string): void {
  closeSync(openSync(file, 'a', 0o600))
}

function assertTables(connection: Connection, file: string): void {
  if (readVersion(connection, file) === 0) throw noHistory(file)
}

/** While a new file gets its form SQLite does not wait by itself. */
function retryWhileBusy(waitMs: number, work: () => void): void {
  const until = performance.now() + waitMs
  for (;;) {
    try {
      work()
      return
    } catch (thrown) {
      if (!isBusy(thrown) || performance.now() > until) throw thrown
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
  }
}

/** Something is wrong inside the file: SQLite said so, or a check of our own. */
export class DamageError extends Error {}

/** SQLITE_CORRUPT, SQLITE_NOTADB (https://sqlite.org/rescode.html). */
const damage = [11, 26]

const getErrorCode = (thrown: unknown): number | undefined => {
  const { errcode } = (thrown ?? {}) as { errcode?: number }
  return errcode === undefined ? undefined : errcode & 0xff
}

export const isDamage = (thrown: unknown): boolean =>
  thrown instanceof DamageError || damage.includes(getErrorCode(thrown) ?? 0)

export const isBusy = (thrown: unknown): boolean => [5, 6].includes(getErrorCode(thrown) ?? 0)

/** What SQLite or the file system said of the history file, as one sentence and what to do (exit 3). */
export function toHistoryError(thrown: unknown, file: string, waitMs: number): unknown {
  if (thrown instanceof OpsError) return thrown
  const said = getMessage(thrown)
  const again = 'then run the same line again.'
  if (isDamage(thrown))
    return unknownError(
      `The history ${file} is damaged`,
      said,
      `The next run of ${formatScriptLine('health')}, within the hour, sets it aside and begins a new one.`,
    )
  if (isBusy(thrown))
    return unknownError(
      `The history ${file} was held by another process for ${formatDuration(waitMs)}`,
      said,
      `See who holds it (fuser ${file}), end it or wait; ${again}`,
    )
  const { code } = (thrown ?? {}) as NodeJS.ErrnoException
  switch (getErrorCode(thrown) ?? code) {
    case 8:
    case 'EROFS':
      return unknownError(`The history ${file} cannot be written`, said, `Make it writable; ${again}`)
    case 13:
    case 'ENOSPC':
      return unknownError(`There is no room for the history ${file}`, said, `Make room on its disk; ${again}`)
    case 3:
    case 10:
    case 14:
    case 'EACCES':
    case 'EPERM':
    case 'ENOTDIR':
    case 'EEXIST':
    case 'EISDIR':
    case 'EBUSY':
      return unknownError(
        `The history ${file} cannot be opened, or not be read`,
        said,
        `See to its rights and its disk (STATE_DIR names its folder); ${again}`,
      )
  }
  return thrown
}

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
      throw unknownError(`${file} is no lock of ours`, getMessage(thrown), 'Take it away: it holds nothing.')
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
