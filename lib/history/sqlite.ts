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
