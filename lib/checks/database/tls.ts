import type { Check } from '../check.ts'
import { assertThat } from '../run.ts'
import { judgePlain } from './server.ts'

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
