import { databaseHost } from '../azure/containerGroup.ts'
import { exitCode, messageOf, OpsError, unknownError } from '../command/errors.ts'
import type { Database } from '../command/runner.ts'
import { reveal } from '../config/secret.ts'
import { reachOf } from '../network/resolve.ts'
import type { Context } from '../steps/context.ts'

/** Connects to the deployment's database as its owner: TLS, the server's certificate checked against its name. */
export async function openDatabase(context: Context): Promise<Database> {
  const { config, runner } = context
  const [{ default: pg }, tls] = await Promise.all([import('pg'), import('node:tls')])
  const host = databaseHost(config)
  const reach = reachOf(config)
  const password = await reveal(config.postgres.password, runner)
  const advice = `Is ${host}:5432 open to this machine? Its firewall rule "operator" belongs to the address that ran the last deploy.`
  const [address] = await reach.resolve(host).catch((thrown) => {
    throw unknownError(
      `The database server ${host} has no address`,
      messageOf(thrown),
      'Has it been created? npx dominion provision --dry-run tells.',
    )
  })
  const client = new pg.Client({
    host: address?.address ?? host,
    port: 5432,
    user: config.postgres.user,
    password,
    database: config.postgres.database,
    ssl: { servername: host, ca: [...tls.rootCertificates, ...reach.authorities] },
    connectionTimeoutMillis: 10_000,
    statement_timeout: 10 * 60_000,
    application_name: 'codex-dominion-ops',
  })
  // A server that goes away while nothing is asked must not end this process.
  client.on('error', () => {})
  await client.connect().catch((thrown) => {
    if (/^28/.test(thrown.code ?? '')) {
      throw new OpsError({
        what: `The database ${host} refuses the password of ${config.postgres.user}`,
        said: messageOf(thrown),
        next: 'Set POSTGRES_PASSWORD in .env to the one in force, or to a new one: npx dominion provision puts it in force.',
        exitCode: exitCode.notLoggedIn,
      })
    }
    throw unknownError(`The database ${host} cannot be reached`, messageOf(thrown), advice)
  })
  return {
    async query<Row>(query: { text: string; values?: readonly unknown[] }) {
      const result = query.values
        ? await client.query(query.text, [...query.values])
        : await client.query(query.text)
      // A script of several statements gives an array of results; the last one's rows count.
      const last = Array.isArray(result) ? result.at(-1) : result
      return (last?.rows ?? []) as Row[]
    },
    close: () => client.end(),
  }
}
