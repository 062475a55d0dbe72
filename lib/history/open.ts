import { closeSync, openSync, statSync } from 'node:fs'
import { unknownError } from '../command/errors.ts'
import { formatScriptLine } from '../config/pasteLine.ts'
import { type Connection, connect } from './connection.ts'
import { fileFault, isBusy, isDamage } from './faults.ts'
import { lockOn } from './lock.ts'
import { migrate, versionOf } from './schema.ts'
import { identityOf, said, setAside, unsaidOf } from './setAside.ts'

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
  damageSaid(): void
  /** Opens the file that has taken this one's place: another process has set it aside. */
  follow(): void
  /** Puts the file aside as damaged and begins a new one; `thrown` says why. Throws where that cannot be. */
  renew(thrown: unknown): void
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
  const fault = (thrown: unknown): unknown => fileFault(thrown, file, waitMs)
  const open = await connect(file, options)
  /** Nobody opens a file that is just being set aside. */
  const lock = readOnly ? undefined : await lockOn(`${file}.lock`, waitMs)
  const alone = <Value>(work: () => Value): Value => (lock ? lock(work) : work())
  let identity: string | undefined

  const opened = (): Connection => {
    if (!readOnly) makeFile(file)
    identity = identityOf(file)
    const connection = open()
    try {
      if (readOnly) mustHaveTables(connection, file)
      else patiently(waitMs, () => migrate(connection, file))
      return connection
    } catch (thrown) {
      connection.close()
      throw thrown
    }
  }
  const openedAfter = (thrown: unknown): Connection => {
    if (readOnly || !isDamage(thrown)) throw fault(thrown)
    try {
      return alone(() => {
        const name = setAside(file, identity, new Date())
        if (name) result.damaged.push(name)
        return opened()
      })
    } catch (again) {
      throw fault(again)
    }
  }

  const result: OpenFile = {
    connection: undefined as unknown as Connection,
    damaged: readOnly ? [] : unsaidOf(file),
    damageSaid: () => said(file, result.damaged.splice(0)),
    follow() {
      if (readOnly || identityOf(file) === identity) return
      closed()
      try {
        result.connection = alone(opened)
      } catch (thrown) {
        result.connection = openedAfter(thrown)
      }
    },
    renew(thrown) {
      closed()
      result.connection = openedAfter(thrown)
    },
    fault,
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

function mustHaveTables(connection: Connection, file: string): void {
  if (versionOf(connection, file) === 0) throw noHistory(file)
}

/** While a new file gets its form SQLite does not wait by itself. */
function patiently(waitMs: number, work: () => void): void {
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
