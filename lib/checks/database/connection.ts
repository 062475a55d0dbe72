import { databaseHost, postgres } from '../../azure/resources/postgres.ts'
import { type Config, formatScriptLine } from '../../config/config.ts'
import { exitCode, OpsError } from '../../util/errors.ts'
import { judgedFailure } from '../../util/verdict.ts'
import { type Check, fail, pass, type Result, unknown } from '../check.ts'
import { readFacts, type ServerFacts } from './facts.ts'
import { formatStartLine, judgeConnections } from './server.ts'

/** Runs a query over TLS with the owner's password, and counts the connections in use. */
export const databaseConnection: Check = {
  id: 'database',
  title: 'Database',
  tags: ['health'],
  needs: 'az',
  async run({ azContext, azure }) {
    const started = performance.now()
    try {
      const { dns, tcp, login } = await azContext.runner.connect()
      const facts = await readFacts(azContext)
      return judgeDatabase(facts, { ms: Math.round(performance.now() - started), connect: dns + tcp + login })
    } catch (thrown) {
      return judgeNoDatabase(thrown, azContext.config, async () => {
        const server = await azure.database().catch(() => undefined)
        return server?.properties.state as string | undefined
      })
    }
  },
}

/** @param times milliseconds of the whole query, and of its connection alone */
export function judgeDatabase(facts: ServerFacts, { ms, connect }: { ms: number; connect: number }): Result {
  const { connections, connectionsAllowed } = facts
  const used = judgeConnections(facts)
  return {
    ...used,
    detail: `answers in ${ms} ms, including ${connect} ms to connect; connections ${used.detail}`,
    ms,
    figures: [
      { name: 'database', value: ms, unit: 'ms' },
      { name: 'database_connections', value: connections, unit: '' },
      { name: 'database_connections_allowed', value: connectionsAllowed, unit: '' },
    ],
  }
}

/**
 * Server errors that also affect the application: no free connection, starting up or shutting down, no such database.
 */
const servesNobody = /too many clients|remaining connection slots|shutting down|starting up|does not exist/i

/**
 * A refused connection and an error of the server are known faults. The firewall of a silent server may block
 * only this machine, so ask Azure whether the server is running.
 * @param state the server's state in Azure: Ready, Stopped …; undefined when Azure does not answer or has no
 * such server
 */
export async function judgeNoDatabase(
  thrown: unknown,
  config: Config,
  state: () => Promise<string | undefined>,
): Promise<Result> {
  const { detail, next } = judgedFailure(thrown)
  const said = thrown instanceof OpsError ? (thrown.failure.said ?? '') : detail
  if (/ECONNREFUSED/.test(said)) {
    const what = `${databaseHost(config)} refuses connections: the server is not running`
    const advice = `${formatScriptLine('check-database')} shows more. A stopped server is started by: ${formatStartLine(config)}`
    return { ...fail(what, advice), silent: true }
  }
  if (servesNobody.test(said)) return fail(detail, next)
  const silent = thrown instanceof OpsError && thrown.exitCode === exitCode.unknown
  if (!silent) return unknown(detail, next)
  const called = await state()
  if (called === undefined || called === 'Ready') return { ...unknown(detail, next), silent }
  return { ...fail(`it is ${called}; ${detail}`, next), silent }
}

/** The template leaves this parameter at Azure's default, on. When it is off, passwords may travel unencrypted. */
export const databaseTransport: Check = {
  id: 'database-transport',
  title: 'PostgreSQL only over TLS',
  tags: ['doctor', 'data-tier'],
  needs: 'az',
  advice: 'Set require_secure_transport to on.',
  async run({ context: { config }, azure }) {
    const { database } = await azure.dataTier()
    if (!database) return pass(`${config.postgres.server} does not exist yet`)
    const fault = postgres.findFault?.(config, database, (await azure.account()).id)
    if (fault) return fail(fault.what, fault.next)
    const { secureTransport } = database
    if (secureTransport === undefined)
      return unknown(`${database.name} does not show require_secure_transport`)
    const detail = `require_secure_transport is ${secureTransport}`
    if (secureTransport.toLowerCase() === 'on') return pass(detail)
    return fail(detail, `${formatScriptLine('provision')}   (it sets the parameter to on)`)
  },
}
