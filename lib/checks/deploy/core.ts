import type { Azure } from '../../azure/client.ts'
import { healthUrl } from '../../azure/containers/waitFor.ts'
import { applicationTables as tables } from '../../database/check/facts.ts'
import { judgePlain } from '../../database/check/verdicts.ts'
import { plainDial } from '../../database/connect.ts'
import type { Context } from '../../tasks/context.ts'
import { type Check, expect } from '../check.ts'
import { readContainers, troubleWith } from '../probes/containers.ts'
import { faultOfDoors } from '../redis.ts'
import { faultOfHealth } from '../responses.ts'

/** The backend's own /health, asked directly. */
export const backendHealthCheck = ({ config, runner }: Context): Check => ({
  id: 'backend-health',
  title: 'Backend /health',
  async run() {
    const url = healthUrl(config, config.backend.dnsLabel)
    const answer = await runner.request({ method: 'GET', url, effect: 'read', timeoutMs: 15_000 })
    const fault = faultOfHealth(url, answer)
    expect(fault === undefined, fault ?? '')
    return `200 in ${Math.round(answer.phases.total)} ms`
  },
})

/** What a visitor does not see: containers, database and Redis, asked at the source. Nothing here changes anything. */
export function coreChecks(context: Context, azure: Azure): Check[] {
  const { config, runner } = context
  return [
    backendHealthCheck(context),
    containersCheck(context, azure),
    {
      id: 'database-tables',
      title: 'Database tables',
      async run() {
        const rows = await runner.query<{ name: string }>({
          text: `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_name = ANY($1)`,
          values: [tables],
          effect: 'read',
        })
        const missing = tables.filter((table) => !rows.some(({ name }) => name === table))
        expect(missing.length === 0, `missing: ${missing.join(', ')}`)
        return tables.join(', ')
      },
    },
    {
      id: 'database-tls',
      title: 'Database only over TLS',
      async run() {
        const [row] = await runner.query<{ version: string }>({
          text: 'SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl',
          effect: 'read',
        })
        expect(row, 'the connection is not encrypted')
        const { answer } = await runner.dial(plainDial(config))
        const { verdict, detail } = judgePlain(answer, true)
        expect(verdict === 'OK', detail)
        return `${row.version}; ${detail}`
      },
    },
    {
      id: 'redis-tls',
      title: 'Redis only over TLS',
      async run() {
        const fault = await faultOfDoors(context)
        expect(fault === undefined, fault ?? '')
        return 'TLS and a key are asked for; a plain connection is refused'
      },
    },
  ]
}

/** Backend and every worker that the configuration wants: there, running, and not crashing again and again. */
export const containersCheck = (context: Context, azure: Azure): Check => ({
  id: 'containers',
  title: 'Containers',
  async run() {
    const all = await readContainers(context, azure)
    const troubles = all.flatMap((each) => troubleWith(each, Date.now()) ?? [])
    expect(troubles.length === 0, troubles.join('; '))
    return all.map(({ name }) => `${name} Running`).join(', ')
  },
})
