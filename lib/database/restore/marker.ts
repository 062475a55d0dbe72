import type { Query } from '../../shell/command.ts'
import { type Context, ok, type Task } from '../../tasks/task.ts'
import { serverQuery } from '../databases.ts'
import { quoteName, quoteText } from '../sql.ts'

/**
 * The comment of a restored database names its dump, so that the run after a killed one recognises a restore that is
 * complete. The live database has the comment only until the restore is finished, so that the same dump can be restored
 * again later.
 */
export interface Marker {
  /** The dump's. */
  sha256: string
  /** Only for the live database; `before` is the current name of the previous one. */
  unfinished?: { before: string | undefined }
}

const words = 'codex-dominion-ops: made of the dump with SHA-256'
const pattern = new RegExp(`^${words} ([0-9a-f]{64})(?:, not finished(?:; before it: (\\S+))?)?$`)

/** Undefined when this tool did not write the comment. */
export function parseMarker(comment: string | null): Marker | undefined {
  const [whole, sha256, before] = pattern.exec(comment ?? '') ?? []
  if (!whole || !sha256) return undefined
  return whole.includes(', not finished') ? { sha256, unfinished: { before } } : { sha256 }
}

const commentQuery = (database: string, comment: string | null): Query => {
  const text = comment === null ? 'NULL' : quoteText(comment)
  return serverQuery('change', `COMMENT ON DATABASE ${quoteName(database)} IS ${text}`)
}

export function createMarkQuery(database: string, { sha256, unfinished }: Marker): Query {
  const before = unfinished?.before ? `; before it: ${unfinished.before}` : ''
  return commentQuery(database, `${words} ${sha256}${unfinished ? `, not finished${before}` : ''}`)
}

async function readComment({ runner }: Context, database: string): Promise<string | null> {
  const text = `SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = $1`
  const [row] = await runner.query<{ comment: string | null }>(
    serverQuery('read', text, { values: [database], title: `comment of ${database}` }),
  )
  return row?.comment ?? null
}

/** Undefined when there is no such database, or this tool did not restore it. */
export const readMarker = async (context: Context, database: string): Promise<Marker | undefined> =>
  parseMarker(await readComment(context, database))

/** The last task: the live database gets the comment of the previous one. */
export const finishTask = (context: Context, restore: Task, backend: Task): Task => {
  const { database } = context.config.postgres
  return {
    id: 'finished',
    title: 'Restore finished',
    part: 'together',
    after: [backend],
    async inspect(ahead) {
      const planned = { unfinished: { before: database } }
      const marker = ahead.willChange(restore) ? planned : await readMarker(context, database)
      if (!marker?.unfinished) return ok('nothing is left to do')
      const { before } = marker.unfinished
      const comment = before ? await readComment(context, before) : null
      return {
        state: 'change',
        what: `the note on ${database} about an unfinished restore is removed`,
        effects: [commentQuery(database, parseMarker(comment) ? null : comment)],
      }
    },
  }
}
