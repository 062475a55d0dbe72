import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Query } from '../shell/command.ts'
import { type Context, ok, type Task, type TaskEffect } from '../tasks/task.ts'
import { getMessage, OpsError } from '../util/errors.ts'
import { quoteText } from './sql.ts'

const folder = path.join(import.meta.dirname, '..', '..', 'infra', 'migrations')

export type Migration = ReturnType<typeof readMigrations>[number]

/** Reads all migrations in the order of their numbers. Line ends do not count, since git may change them. */
export function readMigrations(from = folder) {
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

/** One transaction with the lock against a second operator, the entry in the ledger, and the migration. */
export const migrationQuery = ({ name, sha256, sql }: Migration): Query => ({
  text: `BEGIN;
SELECT pg_advisory_xact_lock(hashtext('codex-dominion migrations'));
${ledger};
INSERT INTO schema_migrations (name, sha256) VALUES (${quoteText(name)}, ${quoteText(sha256)});
${sql.trimEnd()}
;COMMIT;`,
  effect: 'change',
  title: name,
})

/** Returns the migrations to apply. Throws when an applied one has been edited. */
export function getPending(
  all: readonly Migration[],
  applied: readonly Omit<Migration, 'sql'>[],
): Migration[] {
  const known = new Map(applied.map(({ name, sha256 }) => [name, sha256]))
  const edited = all.filter(({ name, sha256 }) => known.has(name) && known.get(name) !== sha256)
  if (edited.length > 0)
    throw new OpsError({
      what: `${edited.map(({ name }) => name).join(', ')} was edited after it was applied`,
      next: 'Restore the file and write the change as a new migration.',
    })
  return all.filter(({ name }) => !known.has(name))
}

/** Reads the ledger; empty when there is none yet. `database` names a database other than the configured one. */
export async function readAppliedMigrations({ runner }: Context, database?: string) {
  const ask = <Row>(text: string) => runner.query<Row>({ text, effect: 'read', database })
  const exists = `SELECT to_regclass('schema_migrations')::text AS ledger`
  const [found] = await ask<{ ledger: string | null }>(exists)
  if (!found?.ledger) return []
  return ask<Omit<Migration, 'sql'>>('SELECT name, sha256 FROM schema_migrations ORDER BY name')
}

/** Creates the tables by migrations, each of which is applied once. */
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
        return { state: 'unknown', why: 'could not determine whether the database exists', effects }
      }
      const todo = ahead.willChange(database) ? all : getPending(all, await readWithRetry(context))
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
      // A broken connection is rolled back by the server.
      await runner.query({ text: 'ROLLBACK', effect: 'record' }).catch(() => {})
      return new OpsError({
        what: `Migration ${titleOf(effect)} failed and was rolled back`,
        said: getMessage(thrown),
        next: 'Fix the file, then run this command again.',
      })
    },
  }
}

const titleOf = (effect: TaskEffect | undefined): string =>
  (effect && 'title' in effect && effect.title) || ''

/** A new server refuses connections for some seconds, until its firewall rules and its name take effect. */
async function readWithRetry(context: Context, tries = 1): ReturnType<typeof readAppliedMigrations> {
  try {
    return await readAppliedMigrations(context)
  } catch (thrown) {
    if (tries === 4) throw thrown
    await pause(tries * 1500)
    return readWithRetry(context, tries + 1)
  }
}
