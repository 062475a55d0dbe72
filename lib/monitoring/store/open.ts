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
  /** Never changes anything; the file must exist. */
  readOnly: boolean
  /** How long to wait for another process that writes, in milliseconds. */
  waitMs: number
}

/** An open history file. After damage, it is a new file. */
export interface OpenFile {
  connection: Connection
  /** The quarantined files, newest last; includes those of a run that ended before it reported them. */
  damaged: string[]
  /** Records that the files in `damaged` were reported. */
  markDamageReported(): void
  /** Reopens the file when another process has replaced it. */
  reopenIfReplaced(): void
  /** Quarantines the file and starts a new one; `thrown` says why. Throws when that is impossible. */
  quarantineAndReopen(thrown: unknown): void
  /** Converts an error of SQLite or the file system to a failure with advice. */
  fault(thrown: unknown): unknown
}

/**
 * Opens the file; creates it if needed (folder 0700, file 0600) and quarantines a damaged one.
 * Throws OpsError (exit 3) when the file is locked by another process, not writable, from a newer version or of
 * another program; read-only also when it is missing or damaged.
 */
export async function openFile(file: string, options: OpenOptions): Promise<OpenFile> {
  const { readOnly, waitMs } = options
  const toError = (thrown: unknown): unknown => toHistoryError(thrown, file, waitMs)
  const open = await connect(file, options)
  /** Prevents opening a file that is being quarantined. */
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
      // Even closing a damaged file may fail.
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
    `${formatScriptLine('health')} runs a check and records it; ${formatScriptLine('schedule')} makes it run regularly.`,
  )

function makeFile(file: string): void {
  closeSync(openSync(file, 'a', 0o600))
}

function assertTables(connection: Connection, file: string): void {
  if (readVersion(connection, file) === 0) throw noHistory(file)
}

/** SQLite does not wait while a new file is being set up. */
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

/** The content of the file is damaged, according to SQLite or our own check. */
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
  const again = 'then run this command again.'
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
      return unknownError(`The disk of the history ${file} is full`, said, `Free space on it; ${again}`)
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
        `The history ${file} cannot be opened or read`,
        said,
        `Check its permissions and its disk (STATE_DIR names its folder); ${again}`,
      )
  }
  return thrown
}

/** Runs a function while no other process runs one under the same lock. */
export type Alone = <Value>(work: () => Value) => Value

/**
 * A SQLite lock on a separate empty file, created if needed with its folder (0700); it ends with the process.
 * Throws SQLite's own errors after waiting `waitMs`, and an OpsError (exit 3) when the file is not a lock file.
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
      // Must not be mistaken for damage of the history itself.
      if (!isDamage(thrown)) throw thrown
      throw unknownError(`${file} is not a lock file`, getMessage(thrown), 'Delete it; it contains no data.')
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

/**
 * SQLite itself would create the file with the permissions that the umask allows. If creation fails, SQLite reports
 * why.
 */
function makeOwn(file: string): void {
  try {
    closeSync(openSync(file, 'a', 0o600))
  } catch {}
}
