import { Socket } from 'node:net'
import { setImmediate as aTurn } from 'node:timers/promises'
import { databaseHost } from '../azure/resources/postgres.ts'
import type { Config } from '../config/config.ts'
import { createNetworkOptions } from '../config/network.ts'
import { formatKeyFile, formatScriptLine } from '../config/pasteLine.ts'
import { revealSecret } from '../config/secret.ts'
import type { TcpExchange } from '../net/tcp.ts'
import type { Query } from '../shell/command.ts'
import type { Database } from '../shell/runner.ts'
import type { Context } from '../tasks/context.ts'
import { exitCode, getMessage, OpsError, unknownError } from '../util/errors.ts'

/** What PostgreSQL listens on, in Azure too. */
export const databasePort = 5432

/**
 * Connects to the deployment's database server as its owner: TLS, the server's certificate checked against its name.
 * Throws exit 4 when the password is refused, exit 3 when the server cannot be reached.
 * @param name another database than the configured one
 */
export async function openDatabase(context: Context, name?: string): Promise<Database> {
  const { config, runner } = context
  const host = databaseHost(config)
  const { authorities } = createNetworkOptions(config)
  const password = await revealSecret(config.postgres.password, runner)
  const asked = performance.now()
  const address = await resolveDatabase(context)
  const dns = Math.round(performance.now() - asked)
  // Only now, and after a call of az that was asked for beside this: loading pg takes all of this process for a while.
  await aTurn()
  const [{ default: pg }, tls] = await Promise.all([import('pg'), import('node:tls')])
  const began = performance.now()
  let connected = began
  const client = new pg.Client({
    host: address,
    port: databasePort,
    user: config.postgres.user,
    password,
    database: name ?? config.postgres.database,
    ssl: { servername: host, ca: [...tls.rootCertificates, ...authorities] },
    stream: () =>
      new Socket().once('connect', () => {
        connected = performance.now()
      }),
    connectionTimeoutMillis: 10_000,
    // A connection that waits while a dump runs would be forgotten by what lies between.
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
    statement_timeout: 10 * 60_000,
    application_name: 'codex-dominion-ops',
  })
  // A server that goes away while nothing is asked must not end this process.
  client.on('error', () => {})
  await client.connect().catch((thrown) => {
    throw explainConnect(context, thrown)
  })
  const ready = performance.now()
  // A connection does one thing at a time; those who ask side by side wait for each other.
  let last: Promise<unknown> = Promise.resolve()
  return {
    times: {
      dns,
      tcp: Math.round(connected - began),
      login: Math.round(ready - connected),
    },
    query<Row>({ text, values, timeoutMs }: Query) {
      const asked = {
        text,
        ...(values ? { values: [...values] } : {}),
        ...(timeoutMs ? { query_timeout: timeoutMs } : {}),
      }
      const answer = last.then(() => client.query(asked))
      last = answer.catch(() => {})
      // A script of several statements gives an array of results; the last one's rows count.
      return answer.then(
        (result) => ((Array.isArray(result) ? result.at(-1) : result)?.rows ?? []) as Row[],
        (thrown) => {
          throw explainLost(host, thrown)
        },
      )
    },
    close: () => client.end(),
  }
}

/** The server's address, found as this configuration finds names. Throws exit 3 when it has none. */
export async function resolveDatabase({ config }: Context): Promise<string> {
  const host = databaseHost(config)
  const [address] = await createNetworkOptions(config)
    .resolve(host)
    .catch((thrown) => {
      throw unknownError(
        `The database server ${host} has no address`,
        getMessage(thrown),
        `Has it been created? ${formatScriptLine('provision', '--dry-run')} tells.`,
      )
    })
  return address?.address ?? host
}

/** SQLSTATEs of a session that the server ends, and of a broken connection; else node's own, or pg's words. */
const lostCode = /^(?:08...|57P0[1-3]|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/
const lostWords =
  /Connection terminated|Query read timeout|connection error and is not queryable|was closed and is not queryable/

/** What was under way when the connection broke cannot be known; every other error is the statement's own. */
export function explainLost(host: string, thrown: Error & { code?: string }): Error {
  if (!lostCode.test(thrown.code ?? '') && !lostWords.test(thrown.message)) return thrown
  return unknownError(
    `The connection to the database ${host} broke`,
    thrown.message,
    `${formatScriptLine('check-database')} shows more; then run this command again.`,
  )
}

/** Not let in by address: the words of PostgreSQL itself; in Azure a firewall usually stays silent instead. */
const notAllowed = /no pg_hba\.conf entry/

function explainConnect({ config }: Context, thrown: Error & { code?: string }): OpsError {
  const host = databaseHost(config)
  const said = getMessage(thrown)
  if (thrown.code === '3D000') {
    return new OpsError({
      what: `There is no such database on ${host}`,
      said,
      next: `${formatScriptLine('restore-database', 'FILE', '--into', 'NAME')} puts a backup there.`,
    })
  }
  if (/^28/.test(thrown.code ?? '') && !notAllowed.test(said)) {
    return new OpsError({
      what: `The database ${host} refuses the password of ${config.postgres.user}`,
      said,
      next: `Set POSTGRES_PASSWORD in ${formatKeyFile('POSTGRES_PASSWORD')} to the one in force, or to a new one: ${formatScriptLine('provision')} puts it in force.`,
      exitCode: exitCode.notLoggedIn,
    })
  }
  return unknownError(
    `The database ${host} cannot be reached`,
    said,
    `Is ${host}:${databasePort} open to this machine? Its firewall rule "operator" belongs to the address that ran the last deploy; ${formatScriptLine('provision')} sets it to this one's.`,
  )
}

/** Asks for a session without TLS, as a client that does not know better would. */
export const createPlainExchange = (config: Config): TcpExchange => ({
  host: databaseHost(config),
  port: databasePort,
  tls: false,
  say: startupMessage(config.postgres.user, config.postgres.database),
  timeoutMs: 10_000,
  effect: 'read',
})

/** The first message of a PostgreSQL client without TLS (protocol 3.0, "StartupMessage" in the message formats). */
function startupMessage(user: string, database: string): Buffer {
  const body = Buffer.from(`\0\x03\0\0user\0${user}\0database\0${database}\0\0`, 'latin1')
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  return Buffer.concat([length, body])
}
