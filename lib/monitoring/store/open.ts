import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { formatKeyFile, formatScriptLine } from '../../config/config.ts'
import { getMessage, OpsError, unknownError } from '../../util/errors.ts'
import { formatDuration } from '../../util/format.ts'
import { formatTimestamp } from '../../util/time.ts'
import { migrate, readVersion } from './schema.ts'
import {
  acquireLock,
  type Connection,
  createPrivateFile,
  getErrorCode,
  isBusy,
  isDamage,
  openDatabase,
} from './sqlite.ts'

/**
 * Opens the file; creates it if needed (folder 0700, file 0600) and quarantines a damaged one.
 * Throws OpsError (exit 3) when the file is locked by another process, not writable, from a newer version or of
 * another program; read-only also when it is missing or damaged.
 */
export function openFile(file: string, { readOnly, waitMs }: { readOnly: boolean; waitMs: number }) {
  const toError = (thrown: unknown): unknown => toHistoryError(thrown, file, waitMs)
  /** Prevents opening a file that is being quarantined. */
  const alone = <Value>(work: () => Value): Value => {
    const release = readOnly ? undefined : acquireLock(`${file}.lock`, waitMs)
    try {
      return work()
    } finally {
      release?.()
    }
  }
  const damaged = readOnly ? [] : getUnreported(file)
  let identity: string | undefined

  const open = (): Connection => {
    if (!readOnly) createPrivateFile(file)
    identity = getFileId(file)
    const opened = openDatabase(file, { waitMs, readOnly })
    try {
      if (!readOnly) retryWhileBusy(waitMs, () => migrate(opened, file))
      else if (readVersion(opened, file) === 0) throw noHistory(file)
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
    /** The quarantined files, newest last; includes those of a run that ended before it reported them. */
    damaged,
    markDamageReported: () => markReported(file, damaged.splice(0)),
    /** Reopens the file when another process has replaced it. */
    reopenIfReplaced() {
      if (readOnly || getFileId(file) === identity) return
      close()
      connection = openOrReplace()
    },
    /** Quarantines the file and starts a new one; `thrown` says why. Throws when that is impossible. */
    quarantineAndReopen(thrown: unknown) {
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

/** SQLite's codes and the system's. */
const unwritable = [8, 'EROFS']
const full = [13, 'ENOSPC']
const unreadable = [3, 10, 14, 'EACCES', 'EPERM', 'ENOTDIR', 'EEXIST', 'EISDIR', 'EBUSY']

function toHistoryError(thrown: unknown, file: string, waitMs: number): unknown {
  if (thrown instanceof OpsError) return thrown
  const failure = (what: string, next: string) => unknownError(what, getMessage(thrown), next)
  const again = 'then run this command again.'
  if (isDamage(thrown))
    return failure(
      `The history ${file} is damaged`,
      `The next run of ${formatScriptLine('health')}, within the hour, quarantines it and starts a new one.`,
    )
  if (isBusy(thrown))
    return failure(
      `The history ${file} was locked by another process for ${formatDuration(waitMs)}`,
      `Find the process (fuser ${file}), end it or wait; ${again}`,
    )
  const code = getErrorCode(thrown) ?? (thrown as NodeJS.ErrnoException | undefined)?.code ?? ''
  if (unwritable.includes(code))
    return failure(`The history ${file} cannot be written`, `Make it writable; ${again}`)
  if (full.includes(code))
    return failure(`The disk of the history ${file} is full`, `Free space on it; ${again}`)
  if (unreadable.includes(code))
    return failure(
      `The history ${file} cannot be opened or read`,
      `Check its permissions and its disk (STATE_DIR in ${formatKeyFile('STATE_DIR')} names its folder); ${again}`,
    )
  return thrown
}

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
    return [] // Missing or incomplete.
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
