import type { Query } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
import { ok, type Task } from '../../tasks/task.ts'
import { maintenance } from '../databases.ts'
import { quoteName, quoteText } from '../sql.ts'

/**
 * A database that was made of a dump says so in its comment, so that a run which was killed behind the rename, and is
 * begun again, knows its own work. The live one says it only until the restore is finished: to restore the same dump
 * once more later is the operator's good right.
 */
export interface Mark {
  /** Of the dump. */
  sha256: string
  /** Only of the live database: the name that the one before it has now. */
  unfinished?: { before: string | undefined }
}

const words = 'codex-dominion-ops: made of the dump with SHA-256'
const pattern = new RegExp(`^${words} ([0-9a-f]{64})(?:, not finished(?:; before it: (\\S+))?)?$`)

const commentOf = ({ sha256, unfinished }: Mark): string => {
  const before = unfinished?.before ? `; before it: ${unfinished.before}` : ''
  return `${words} ${sha256}${unfinished ? `, not finished${before}` : ''}`
}

/** Undefined when the comment is somebody else's. */
export function createMarker(comment: string | null): Mark | undefined {
  const [whole, sha256, before] = pattern.exec(comment ?? '') ?? []
  if (!whole || !sha256) return undefined
  return whole.includes(', not finished') ? { sha256, unfinished: { before } } : { sha256 }
}

const commentQuery = (database: string, comment: string | null): Query => ({
  text: `COMMENT ON DATABASE ${quoteName(database)} IS ${comment === null ? 'NULL' : quoteText(comment)}`,
  effect: 'change',
  database: maintenance,
})

export const markQuery = (database: string, mark: Mark): Query => commentQuery(database, commentOf(mark))

async function readComment({ runner }: Context, database: string): Promise<string | null> {
  const [row] = await runner.query<{ comment: string | null }>({
    text: `SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = $1`,
    values: [database],
    effect: 'read',
    database: maintenance,
    title: `comment of ${database}`,
  })
  return row?.comment ?? null
}

/** Undefined: the database was not made of a dump by this tool, or is not there. */
export const readMark = async (context: Context, database: string): Promise<Mark | undefined> =>
  createMarker(await readComment(context, database))

/** Behind everything else: the live database gets the comment that the one before it had. */
export const finishTask = (context: Context, restore: Task, backend: Task): Task => {
  const { database } = context.config.postgres
  return {
    id: 'finished',
    title: 'Restore finished',
    part: 'together',
    after: [backend],
    async inspect(ahead) {
      const what = `${database} no longer says that its restore is not finished`
      if (ahead.willChange(restore))
        return {
          state: 'change',
          what,
          effects: [commentQuery(database, await ownComment(context, database))],
        }
      const { unfinished } = (await readMark(context, database)) ?? {}
      if (!unfinished) return ok('nothing is left to do')
      const { before } = unfinished
      const comment = before ? await ownComment(context, before) : null
      return { state: 'change', what, effects: [commentQuery(database, comment)] }
    },
  }
}

async function ownComment(context: Context, database: string): Promise<string | null> {
  const comment = await readComment(context, database)
  return createMarker(comment) ? null : comment
}
