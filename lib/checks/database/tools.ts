import { requirePgTool } from '../../database/pgTools.ts'
import { type Check, pass } from '../check.ts'

/** pg_dump refuses a server that is newer than itself. */
export const databaseTools: Check = {
  id: 'database-tools',
  title: 'pg_dump and pg_restore',
  tags: ['doctor', 'tools'],
  needs: 'nothing',
  advice: 'Install the PostgreSQL client of the server’s version: backup-database needs it.',
  async run({ context }) {
    const needed = Number(context.config.postgres.version)
    const versions = await Promise.all([
      requirePgTool(context, 'pg_dump', needed),
      requirePgTool(context, 'pg_restore', needed),
    ])
    return pass([...new Set(versions)].join(', '))
  },
}
