import { type Check, pass } from '../check.ts'
import { assertThat } from '../run.ts'
import { applicationTables as tables } from './facts.ts'

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
