import { type Check, pass } from '../check.ts'
import { assertThat } from '../run.ts'
import { applicationTables as tables } from './facts.ts'
import { judgePlain } from './server.ts'

export const databaseTables: Check = {
  id: 'database-tables',
  title: 'Database tables',
  tags: ['acceptance'],
  needs: 'az',
  async run({ context: { runner } }) {
    const rows = await runner.query<{ name: string }>({
      text: `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_name = ANY($1)`,
      values: [tables],
      effect: 'read',
    })
    const missing = tables.filter((table) => !rows.some(({ name }) => name === table))
    assertThat(missing.length === 0, `missing: ${missing.join(', ')}`)
    return pass(tables.join(', '))
  },
}

/** This connection is encrypted, and one without TLS is refused. */
export const databaseTls: Check = {
  id: 'database-tls',
  title: 'Database only over TLS',
  tags: ['acceptance'],
  needs: 'az',
  async run({ context: { runner }, database }) {
    const [row] = await runner.query<{ version: string }>({
      text: 'SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl',
      effect: 'read',
    })
    assertThat(row, 'the connection is not encrypted')
    const plain = judgePlain(await database.plain(), true)
    return { ...plain, detail: `${row.version}; ${plain.detail}` }
  },
}
