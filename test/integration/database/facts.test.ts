import { expect, test } from 'vitest'
import { readFacts } from '../../../lib/checks/database/facts.ts'
import { loadTestConfig, openRunner } from '../../support/helpers.ts'
import { startPostgres } from '../../support/postgres.ts'

test('a login that may not see the write-ahead log still gets the other facts', async () => {
  const client = await startPostgres()
  const runner = openRunner({
    openDatabase: async () => ({
      times: { dns: 0, tcp: 0, login: 0 },
      query: async <Row>({ text }: { text: string }) => (await client.query(text)).rows as Row[],
      close: async () => {},
    }),
  })
  const context = { config: await loadTestConfig(), runner }
  await client.query('CREATE ROLE plain; GRANT pg_read_all_stats TO plain; SET ROLE plain')
  await expect(client.query('SELECT sum(size) FROM pg_ls_waldir()')).rejects.toThrow(/permission denied/)
  const without = await readFacts(context)
  expect(without).toMatchObject({ withoutWal: true, connections: expect.any(Number) })
  await client.query('RESET ROLE; GRANT pg_monitor TO plain; SET ROLE plain')
  const { withoutWal, stored, version } = await readFacts(context)
  expect(withoutWal).toBe(false)
  // A segment of the log has 16 MB.
  expect(stored - without.stored).toBeGreaterThanOrEqual(16 * 2 ** 20)
  expect(version).toMatch(/^\d+\.\d+$/)
})
