import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Query } from '../shell/command.ts'
import type { Context } from '../tasks/context.ts'
import { ok, type Task, type TaskEffect } from '../tasks/task.ts'
import { getMessage, OpsError } from '../util/errors.ts'

const folder = path.join(import.meta.dirname, '..', '..', 'infra', 'migrations')

export interface Migration {
  name: string
  sha256: string
  sql: string
}

/** Every migration, in the order of its number. The content counts, whatever git did to the line ends. */
export function readMigrations(from = folder): Migration[] {
  return readdirSync(from)
    .filter((file) => /^\d{4}_[a-z0-9_]+\.sql$/.test(file))
    .sort()
    .map((file) => {
      const sql = readFileSync(path.join(from, file), 'utf8').replaceAll('\r\n', '\n')
      return { name: file, sha256: createHash('sha256').update(sql).digest('hex'), sql }
    })
}

const ledger = `CREATE TABLE IF NOT EXISTS schema_migrations (
  name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`

/** One transaction: the lock that keeps two operators apart, the migration, its line in the ledger. */
export const migrationQuery = ({ name, sha256, sql }: Migration): Query => ({
  text: `BEGIN;
SELECT pg_advisory_xact_lock(hashtext('codex-dominion migrations'));
${ledger};
INSERT INTO schema_migrations (name, sha256) VALUES ('${name}', '${sha256}');
${sql.trimEnd()}
;COMMIT;`,
  effect: 'change',
  title: name,
})

/** Which migrations are still to be applied. Throws when one that was applied has been edited since. */
export function getPending(
  all: readonly Migration[],
  applied: readonly { name: string; sha256: string }[],
): Migration[] {
  const known = new Map(applied.map(({ name, sha256 }) => [name, sha256]))
  const edited = all.filter(({ name, sha256 }) => known.has(name) && known.get(name) !== sha256)
  if (edited.length > 0) {
    throw new OpsError({
      what: `${edited.map(({ name }) => name).join(', ')} was edited after it had been applied`,
      next: 'Put the file back as it was, and write the change as a new migration.',
    })
  }
  return all.filter(({ name }) => !known.has(name))
}

/** What the ledger says was applied; empty where there is no ledger yet. `database`: another one than the configured. */
export async function readAppliedMigrations(
  { runner }: Context,
  database?: string,
): Promise<{ name: string; sha256: string }[]> {
  const ask = <Row>(text: string) =>
    runner.query<Row>({ text, effect: 'read', ...(database ? { database } : {}) })
  const [found] = await ask<{ ledger: string | null }>(
    `SELECT to_regclass('schema_migrations')::text AS ledger`,
  )
  if (!found?.ledger) return []
  return ask('SELECT name, sha256 FROM schema_migrations ORDER BY name')
}

/** The tables, made by migrations that are applied once each. */
export function migrationTask(context: Context, database: Task): Task {
  const { runner } = context
  const all = readMigrations()
  return {
    id: 'migrations',
    title: 'Database tables',
    part: 'azure',
    after: [database],
    async inspect(ahead) {
      if (ahead.isUnknown(database)) {
        const effects = all.map(migrationQuery)
        return { state: 'unknown', why: 'not known whether the database is there', effects }
      }
      const todo = ahead.willChange(database)
        ? all
        : getPending(all, await retry(() => readAppliedMigrations(context)))
      if (todo.length === 0) return ok(`all ${all.length} migrations are applied`)
      return {
        state: todo.length === all.length ? 'create' : 'change',
        what: `apply ${todo.length} of ${all.length} migrations`,
        effects: todo.map(migrationQuery),
      }
    },
    async beforeEach({ effect }, log) {
      log(titleOf(effect))
    },
    async onFailure(thrown, { effect }) {
      // A connection that broke has rolled back by itself.
      await runner.query({ text: 'ROLLBACK', effect: 'record' }).catch(() => {})
      return new OpsError({
        what: `Migration ${titleOf(effect)} failed, and nothing of it is in force`,
        said: getMessage(thrown),
        next: 'Fix the file, then run this command again.',
      })
    },
  }
}

const titleOf = (effect: TaskEffect | undefined): string =>
  (effect && 'title' in effect && effect.title) || ''

/** A server that has just been made lets nobody in for some seconds: rules and names take effect with a delay. */
async function retry<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (thrown) {
      if (tries === 4) throw thrown
      await pause(tries * 1500)
    }
  }
}
