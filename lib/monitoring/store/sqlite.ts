import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'

/** An open SQLite file. Each statement is prepared once. */
export interface Connection {
  run(sql: string, ...values: SQLInputValue[]): { changes: number; id: number }
  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[]
  /** Row by row, for results that do not fit into memory. */
  iterate<Row>(sql: string, ...values: SQLInputValue[]): Iterable<Row>
  exec(sql: string): void
  /** Known ids of (origin, target); whoever rolls back must clear it. */
  readonly series: Map<string, number>
  /** May be called more than once. */
  close(): void
}

/**
 * Opens a file. `waitMs`: how long a statement waits for another process that writes.
 * Throws SQLite's own errors (`errcode`).
 */
export function openDatabase(file: string, options: { waitMs: number; readOnly: boolean }): Connection {
  const { DatabaseSync } = loadSqlite()
  const database = new DatabaseSync(file, { timeout: options.waitMs, readOnly: options.readOnly })
  try {
    // A recorded run survives a power failure.
    database.exec('PRAGMA synchronous = FULL')
    return createConnection(database)
  } catch (thrown) {
    database.close()
    throw thrown
  }
}

function createConnection(database: DatabaseSync): Connection {
  const prepared = new Map<string, StatementSync>()
  const statement = (sql: string): StatementSync => {
    let found = prepared.get(sql)
    if (!found) {
      found = database.prepare(sql)
      prepared.set(sql, found)
    }
    return found
  }
  return {
    run(sql, ...values) {
      const { changes, lastInsertRowid } = statement(sql).run(...values)
      return { changes: Number(changes), id: Number(lastInsertRowid) }
    },
    get: <Row>(sql: string, ...values: SQLInputValue[]) => statement(sql).get(...values) as Row | undefined,
    all: <Row>(sql: string, ...values: SQLInputValue[]) => statement(sql).all(...values) as Row[],
    iterate: <Row>(sql: string, ...values: SQLInputValue[]) =>
      statement(sql).iterate(...values) as Iterable<Row>,
    exec: (sql) => database.exec(sql),
    series: new Map(),
    close() {
      if (database.isOpen) database.close()
    },
  }
}

/** The content of the file is damaged, according to SQLite or our own check. */
export class DamageError extends Error {}

/** SQLITE_CORRUPT, SQLITE_NOTADB (https://sqlite.org/rescode.html). */
const damage = [11, 26]

/** SQLite's primary result code. */
export const getErrorCode = (thrown: unknown): number | undefined => {
  const { errcode } = (thrown ?? {}) as { errcode?: number }
  return errcode === undefined ? undefined : errcode & 0xff
}

export const isDamage = (thrown: unknown): boolean =>
  thrown instanceof DamageError || damage.includes(getErrorCode(thrown) ?? 0)

/** SQLITE_BUSY, SQLITE_LOCKED. */
export const isBusy = (thrown: unknown): boolean => [5, 6].includes(getErrorCode(thrown) ?? 0)

type Sqlite = typeof import('node:sqlite')

const experimental = /^SQLite is an experimental feature\b/

/**
 * Gives `node:sqlite` without the warning that Node 22 prints when it is loaded
 * (unflagged but still experimental there, nodejs/node#55890): cron mails whatever `health` writes to stderr.
 * The load is synchronous, so no other code runs while the filter is in place; every other warning passes.
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
