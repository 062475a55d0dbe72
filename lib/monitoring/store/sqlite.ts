import { closeSync, openSync } from 'node:fs'
import path from 'node:path'
import type { SQLInputValue, StatementSync } from 'node:sqlite'
import { getMessage, unknownError } from '../../util/errors.ts'
import { makeFolder } from '../../util/files.ts'

export type Connection = ReturnType<typeof openDatabase>

/** Opens a file. A statement waits up to `waitMs` for another process that writes. Throws SQLite's own errors. */
export function openDatabase(file: string, { waitMs, readOnly }: { waitMs: number; readOnly: boolean }) {
  const { DatabaseSync } = loadSqlite()
  const database = new DatabaseSync(file, { timeout: waitMs, readOnly })
  const close = (): void => {
    if (database.isOpen) database.close()
  }
  try {
    // A recorded run survives a power failure.
    database.exec('PRAGMA synchronous = FULL')
  } catch (thrown) {
    close()
    throw thrown
  }
  const prepared = new Map<string, StatementSync>()
  const statement = (sql: string): StatementSync => {
    const found = prepared.get(sql) ?? database.prepare(sql)
    prepared.set(sql, found)
    return found
  }
  return {
    /** Returns the id of the inserted row. */
    run: (sql: string, ...values: SQLInputValue[]) => Number(statement(sql).run(...values).lastInsertRowid),
    get: <Row>(sql: string, ...values: SQLInputValue[]) => statement(sql).get(...values) as Row | undefined,
    all: <Row>(sql: string, ...values: SQLInputValue[]) => statement(sql).all(...values) as Row[],
    /** Row by row, for results that do not fit into memory. */
    iterate: <Row>(sql: string, ...values: SQLInputValue[]) =>
      statement(sql).iterate(...values) as Iterable<Row>,
    exec: (sql: string) => database.exec(sql),
    /** Known ids of (origin, target); clear it after a rollback. */
    series: new Map<string, number>(),
    close,
  }
}

/** The content of the file is damaged, according to SQLite or our own check. */
export class DamageError extends Error {}

/** SQLITE_CORRUPT, SQLITE_NOTADB (https://sqlite.org/rescode.html). */
const damage = [11, 26]

export const getErrorCode = (thrown: unknown): number | undefined => {
  const { errcode } = (thrown ?? {}) as { errcode?: number }
  return errcode === undefined ? undefined : errcode & 0xff
}

export const isDamage = (thrown: unknown): boolean =>
  thrown instanceof DamageError || damage.includes(getErrorCode(thrown) ?? 0)

/** SQLITE_BUSY, SQLITE_LOCKED. */
export const isBusy = (thrown: unknown): boolean => [5, 6].includes(getErrorCode(thrown) ?? 0)

/**
 * Takes an exclusive SQLite lock on an empty file, created if needed with its folder (0700). It works on all
 * systems and ends with the process. Returns a function that releases it. Throws SQLite's own error (see
 * `isBusy`) after waiting `waitMs`, and an OpsError (exit 3) when the file is not a lock file.
 */
export function acquireLock(file: string, waitMs: number): () => void {
  createPrivateFile(file)
  let lock: Connection | undefined
  try {
    lock = openDatabase(file, { waitMs, readOnly: false })
    lock.exec('BEGIN EXCLUSIVE')
    return lock.close
  } catch (thrown) {
    lock?.close()
    // Must not be mistaken for damage to the file that the lock protects.
    if (!isDamage(thrown)) throw thrown
    throw unknownError(`${file} is not a lock file`, getMessage(thrown), 'Delete it; it contains no data.')
  }
}

/** Creates a file for its owner alone (0600, folder 0700); SQLite itself would apply the umask. */
export function createPrivateFile(file: string): void {
  makeFolder(path.dirname(file), 0o700)
  closeSync(openSync(file, 'a', 0o600))
}

type Sqlite = typeof import('node:sqlite')

const experimental = /^SQLite is an experimental feature\b/

/**
 * Returns `node:sqlite` without the warning that Node 22 prints when it is loaded (unflagged but still
 * experimental there, nodejs/node#55890): cron mails whatever `health` writes to stderr. The load is
 * synchronous, so no other code runs while the filter is in place; every other warning passes.
 */
export function loadSqlite(load = (): Sqlite => process.getBuiltinModule('node:sqlite')): Sqlite {
  const emitWarning = process.emitWarning
  process.emitWarning = ((warning: string | Error, ...rest: [type?: unknown]) => {
    const type = typeof rest[0] === 'object' ? (rest[0] as { type?: string } | null)?.type : rest[0]
    if (type === 'ExperimentalWarning' && experimental.test(String(warning))) return
    Reflect.apply(emitWarning, process, [warning, ...rest])
  }) as typeof process.emitWarning
  try {
    return load()
  } finally {
    process.emitWarning = emitWarning
  }
}
