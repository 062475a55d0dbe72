import { statSync } from 'node:fs'
import { formatScriptLine } from '../../config/pasteLine.ts'
import { getMessage, OpsError, unknownError } from '../../util/errors.ts'
import { formatDuration } from '../../util/format.ts'
import { createPrivateFile, withLock } from './lock.ts'
import { getFileId, getUnreported, markReported, quarantine } from './quarantine.ts'
import { migrate, readVersion } from './schema.ts'
import { type Connection, getErrorCode, isBusy, isDamage, openDatabase } from './sqlite.ts'

interface OpenOptions {
  /** Never changes anything; the file must exist. */
  readOnly: boolean
  /** How long to wait for another process that writes, in milliseconds. */
  waitMs: number
}

/** An open history file. After damage, it is a new file. */
interface OpenFile {
  readonly connection: Connection
  /** The quarantined files, newest last; includes those of a run that ended before it reported them. */
  damaged: string[]
  /** Records that the files in `damaged` were reported. */
  markDamageReported(): void
  /** Reopens the file when another process has replaced it. */
  reopenIfReplaced(): void
  /** Quarantines the file and starts a new one; `thrown` says why. Throws when that is impossible. */
  quarantineAndReopen(thrown: unknown): void
  /** Converts an error of SQLite or the file system to a failure with advice. */
  toError(thrown: unknown): unknown
}

/**
 * Opens the file; creates it if needed (folder 0700, file 0600) and quarantines a damaged one.
 * Throws OpsError (exit 3) when the file is locked by another process, not writable, from a newer version or of
 * another program; read-only also when it is missing or damaged.
 */
export function openFile(file: string, { readOnly, waitMs }: OpenOptions): OpenFile {
  const toError = (thrown: unknown): unknown => toHistoryError(thrown, file, waitMs)
  /** Prevents opening a file that is being quarantined. */
  const alone = <Value>(work: () => Value): Value =>
    readOnly ? work() : withLock(`${file}.lock`, waitMs, work)
  const damaged = readOnly ? [] : getUnreported(file)
  let identity: string | undefined

  const open = (): Connection => {
    if (!readOnly) createPrivateFile(file)
    identity = getFileId(file)
    const opened = openDatabase(file, { waitMs, readOnly })
    try {
      if (readOnly) assertTables(opened, file)
      else retryWhileBusy(waitMs, () => migrate(opened, file))
      return opened
    } catch (thrown) {
      opened.close()
      throw thrown
    }
  }
  const replace = (thrown: unknown): Connection => {
    if (readOnly || !isDamage(thrown)) throw toError(thrown)
    try {
      return alone(() => {
        const name = quarantine(file, identity, new Date())
        if (name) damaged.push(name)
        return open()
      })
    } catch (again) {
      throw toError(again)
    }
  }
  const openOrReplace = (): Connection => {
    try {
      return alone(open)
    } catch (thrown) {
      return replace(thrown)
    }
  }
  const close = (): void => {
    try {
      connection.close()
    } catch {
      // Even closing a damaged file may fail.
    }
  }
  if (readOnly && !statSync(file, { throwIfNoEntry: false })) throw noHistory(file)
  let connection = openOrReplace()
  return {
    get connection() {
      return connection
    },
    damaged,
    markDamageReported: () => markReported(file, damaged.splice(0)),
    reopenIfReplaced() {
      if (readOnly || getFileId(file) === identity) return
      close()
      connection = openOrReplace()
    },
    quarantineAndReopen(thrown) {
      close()
      connection = replace(thrown)
    },
    toError,
  }
}

const noHistory = (file: string) =>
  unknownError(
    `There is no history yet: ${file}`,
    undefined,
    `${formatScriptLine('health')} runs a check and records it; ${formatScriptLine('schedule')} makes it run regularly.`,
  )

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

/** Converts an error of SQLite or the file system to a failure with advice (exit 3). */
function toHistoryError(thrown: unknown, file: string, waitMs: number): unknown {
  if (thrown instanceof OpsError) return thrown
  const said = getMessage(thrown)
  const again = 'then run this command again.'
  if (isDamage(thrown))
    return unknownError(
      `The history ${file} is damaged`,
      said,
      `The next run of ${formatScriptLine('health')}, within the hour, quarantines it and starts a new one.`,
    )
  if (isBusy(thrown))
    return unknownError(
      `The history ${file} was locked by another process for ${formatDuration(waitMs)}`,
      said,
      `Find the process (fuser ${file}), end it or wait; ${again}`,
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
