import type { Azure } from '../../azure/client.ts'
import { databaseHost } from '../../azure/resources/postgres.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import { readFacts, type ServerFacts } from '../../database/check/facts.ts'
import { judgeConnections } from '../../database/check/verdicts.ts'
import type { Context } from '../../tasks/context.ts'
import { exitCode, OpsError } from '../../util/errors.ts'
import { judgedFailure, worstVerdict } from '../../util/status.ts'
import type { Probe, Reading } from '../probe.ts'
import { coreProbe } from '../probe.ts'

/** A query over TLS with the owner's password, and how many connections are used. */
export const databaseProbe = (context: Context, azure: Azure): Probe => ({
  ...coreProbe,
  id: 'database',
  title: 'Database',
  async ask() {
    const started = performance.now()
    try {
      const { dns, tcp, login } = await context.runner.connect()
      const facts = await readFacts(context)
      return judgeDatabase(facts, { ms: Math.round(performance.now() - started), connect: dns + tcp + login })
    } catch (thrown) {
      return judgeNoDatabase(thrown, databaseHost(context.config), () => stateOf(azure))
    }
  },
})

/** What Azure calls it: Ready, Stopped … Undefined when Azure does not tell, or has no such server. */
const stateOf = async (azure: Azure): Promise<string | undefined> => {
  const server = await azure.database().catch(() => undefined)
  return server?.properties.state as string | undefined
}

/** @param times milliseconds of the whole question, and of the connection in it */
export function judgeDatabase(facts: ServerFacts, { ms, connect }: { ms: number; connect: number }): Reading {
  const { connections, connectionsAllowed } = facts
  const used = judgeConnections(facts)
  return {
    verdict: worstVerdict([used]),
    detail: `answers in ${ms} ms, ${connect} of them to connect; connections ${used.detail}`,
    ...(used.verdict === 'OK' ? {} : { next: used.next }),
    ms,
    figures: [
      { name: 'database', value: ms, unit: 'ms' },
      { name: 'database_connections', value: connections, unit: '' },
      { name: 'database_connections_allowed', value: connectionsAllowed, unit: '' },
    ],
  }
}

const more = () =>
  `${formatScriptLine('check-database')} tells more; az postgres flexible-server start starts a stopped one.`

/** The server's own words that the application gets, too: no room, starting up or going down, no such database. */
const servesNobody = /too many clients|remaining connection slots|shutting down|starting up|does not exist/i

/**
 * Refused connections and the server's own words are known faults. A server that only stays silent may keep just this
 * machine out (its firewall): then Azure is asked whether it runs.
 */
export async function judgeNoDatabase(
  thrown: unknown,
  host: string,
  state: () => Promise<string | undefined>,
): Promise<Reading> {
  const { detail, next } = judgedFailure(thrown)
  const said = thrown instanceof OpsError ? (thrown.failure.said ?? '') : detail
  if (/ECONNREFUSED/.test(said))
    return {
      verdict: 'CRITICAL',
      detail: `${host} refuses connections: the server does not run`,
      next: more(),
      silent: true,
    }
  if (servesNobody.test(said)) return { verdict: 'CRITICAL', detail, next }
  const silent = thrown instanceof OpsError && thrown.exitCode === exitCode.unknown
  if (!silent) return { verdict: 'UNKNOWN', detail, next }
  const called = await state()
  if (called === undefined || called === 'Ready') return { verdict: 'UNKNOWN', detail, next, silent }
  return { verdict: 'CRITICAL', detail: `it is ${called}; ${detail}`, next, silent }
}
