import { Socket } from 'node:net'
import { setImmediate as aTurn } from 'node:timers/promises'
import { databaseHost } from '../azure/resources/postgres.ts'
import { type DatabaseLogin, getApplicationLogin } from '../config/applicationLogin.ts'
import { type Config, formatKeyFile, formatScriptLine } from '../config/config.ts'
import { createNetworkOptions } from '../config/network.ts'
import { revealSecret } from '../config/secret.ts'
import type { TcpExchange } from '../net/tcp.ts'
import type { Query } from '../shell/command.ts'
import type { Database } from '../shell/runner.ts'
import type { Context } from '../tasks/task.ts'
import { exitCode, getMessage, OpsError, unknownError } from '../util/errors.ts'

/** PostgreSQL's port, in Azure too. */
export const databasePort = 5432

/**
 * Connects to the deployment's database server as its owner, over TLS, and checks the server's name. Throws
 * exit 4 when the password is refused, exit 3 when the server cannot be reached.
 * @param name a database other than the configured one
 * @param as whose login, if not the owner's; the server's own error is then thrown when it is refused
 */
export async function openDatabase(context: Context, name?: string, as?: Query['as']): Promise<Database> {
  const { config, runner } = context
  const host = databaseHost(config)
  const { authorities } = createNetworkOptions(config)
  const { user, password } = as ? await getApplicationLogin(config, runner) : await getOwnerLogin(context)
  const asked = performance.now()
  const address = await resolveDatabase(context)
  const dns = Math.round(performance.now() - asked)
  // Loading pg blocks this process for a while, so first start other pending work, such as az.
  await aTurn()
  const [{ default: pg }, tls] = await Promise.all([import('pg'), import('node:tls')])
  const began = performance.now()
  let connected = began
  const client = new pg.Client({
    host: address,
    port: databasePort,
    user,
    password,
    database: name ?? config.postgres.database,
    ssl: { servername: host, ca: [...tls.rootCertificates, ...authorities] },
    stream: () =>
      new Socket().once('connect', () => {
        connected = performance.now()
      }),
    connectionTimeoutMillis: 10_000,
    // Otherwise a firewall would drop a connection that is idle during a dump.
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
    statement_timeout: 10 * 60_000,
    application_name: 'codex-dominion-ops',
  })
  // Without a listener, a connection that breaks while idle would end this process.
  client.on('error', () => {})
  await client.connect().catch((thrown) => {
    throw as && isRefusedLogin(thrown) ? thrown : explainConnect(context, thrown)
  })
  const ready = performance.now()
  // A connection runs one query at a time; concurrent ones wait.
  let last: Promise<unknown> = Promise.resolve()
  return {
    times: { dns, tcp: Math.round(connected - began), login: Math.round(ready - connected) },
    query<Row>({ text, values = [], timeoutMs }: Query) {
      const limit = timeoutMs ? { query_timeout: timeoutMs } : {}
      const asked = { text, ...(values.length > 0 ? { values: [...values] } : {}), ...limit }
      const answer = last.then(() => client.query(asked))
      last = answer.catch(() => {})
      // Several statements produce an array of results; the last one counts.
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

const getOwnerLogin = async ({ config: { postgres }, runner }: Context): Promise<DatabaseLogin> => ({
  user: postgres.user,
  password: await revealSecret(postgres.password, runner),
})

/**
 * PostgreSQL's refusal of a login (SQLSTATE class 28), but not of an address. In Azure, the firewall usually does not answer at
 * all.
 */
export const isRefusedLogin = (thrown: Error & { code?: string }): boolean =>
  /^28/.test(thrown.code ?? '') && !/no pg_hba\.conf entry/.test(getMessage(thrown))

/** Resolves the server's name by DNS_SERVER, if that is set. Throws exit 3 when it has no address. */
export async function resolveDatabase({ config }: Context): Promise<string> {
  const host = databaseHost(config)
  const [address] = await createNetworkOptions(config)
    .resolve(host)
    .catch((thrown) => {
      throw unknownError(
        `The database server ${host} has no address`,
        getMessage(thrown),
        `Check whether it has been created: ${formatScriptLine('provision', '--dry-run')}`,
      )
    })
  return address?.address ?? host
}

/** SQLSTATEs of a session that the server ends and of a broken connection; error codes of Node. */
const lostCode = /^(?:08...|57P0[1-3]|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/
/** Messages of pg. */
const lostMessage =
  /Connection terminated|Query read timeout|connection error and is not queryable|was closed and is not queryable/

/**
 * When the connection breaks, the result is unknown (exit 3). Every other error comes from the statement and
 * is passed on unchanged.
 */
export function explainLost(host: string, thrown: Error & { code?: string }): Error {
  if (!lostCode.test(thrown.code ?? '') && !lostMessage.test(thrown.message)) return thrown
  return unknownError(
    `The connection to the database ${host} was lost`,
    thrown.message,
    `For details: ${formatScriptLine('check-database')}. Then run this command again.`,
  )
}

function explainConnect({ config }: Context, thrown: Error & { code?: string }): OpsError {
  const host = databaseHost(config)
  const said = getMessage(thrown)
  if (thrown.code === '3D000') {
    const next = `Restore a backup: ${formatScriptLine('restore-database', 'FILE', '--into', 'NAME')}`
    return new OpsError({ what: `The database does not exist on ${host}`, said, next })
  }
  if (isRefusedLogin(thrown))
    return new OpsError({
      what: `The database ${host} refuses the password of ${config.postgres.user}`,
      said,
      next: `Set POSTGRES_PASSWORD in ${formatKeyFile('POSTGRES_PASSWORD')} to the current one, or set a new one with ${formatScriptLine('provision')}.`,
      exitCode: exitCode.notLoggedIn,
    })
  return unknownError(
    `The database ${host} cannot be reached`,
    said,
    `Check whether ${host}:${databasePort} is open to this machine. Its firewall rule "operator" has the address that ran the last deploy; ${formatScriptLine('provision')} sets it to this machine's.`,
  )
}

/** Asks for a session without TLS (PostgreSQL's protocol 3.0, "StartupMessage" in the message formats). */
export function createPlainExchange(config: Config): TcpExchange {
  const { user, database } = config.postgres
  const body = Buffer.from(`\0\x03\0\0user\0${user}\0database\0${database}\0\0`, 'latin1')
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  const say = Buffer.concat([length, body])
  return {
    host: databaseHost(config),
    port: databasePort,
    tls: false,
    say,
    timeoutMs: 10_000,
    effect: 'read',
  }
}
