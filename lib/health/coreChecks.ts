import type { Azure } from '../azure/resources.ts'
import { healthUrl } from '../azure/waiting.ts'
import { plainDial } from '../database/plain.ts'
import { applicationTables as tables } from '../database/tables.ts'
import { judgePlain } from '../database/verdicts.ts'
import type { Context } from '../steps/context.ts'
import { faultOfHealth } from './answers.ts'
import { type Check, expect } from './check.ts'
import { containersCheck } from './containersCheck.ts'
import { faultOfDoors } from './redisDoors.ts'

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
