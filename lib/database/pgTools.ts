import path from 'node:path'
import { rootCertificates } from 'node:tls'
import { databaseHost } from '../azure/resources/postgres.ts'
import type { Config } from '../config/config.ts'
import { createNetworkOptions } from '../config/network.ts'
import { formatKeyFile, formatScriptLine } from '../config/pasteLine.ts'
import { revealSecret } from '../config/secret.ts'
import { type Command, type SecretFile, secretFile } from '../shell/command.ts'
import { local } from '../shell/template.ts'
import type { Context } from '../tasks/context.ts'
import { exitCode, type Failure, OpsError, usageError } from '../util/errors.ts'
import { makeFolder, writeAtomically } from '../util/files.ts'
import { databasePort, resolveDatabase } from './connect.ts'

const hour = 3_600_000

/** The tools' own words in English, whoever runs them: they are read here. */
const env = { LC_ALL: 'C', LC_MESSAGES: 'C', LANGUAGE: 'C' }

/** How PostgreSQL's own programs reach the server. */
export interface ServerAccess {
  config: Config
  /** Found as this configuration finds names; libpq would ask the system. */
  address: string
  password: string
  /** PEM: whom this configuration trusts. */
  authorities: string
}

/** Looks the server up and writes down whom to trust, for a program that is not this one. */
export async function getServerAccess(context: Context): Promise<ServerAccess> {
  const { config, runner } = context
  const [password, address] = await Promise.all([
    revealSecret(config.postgres.password, runner),
    resolveDatabase(context),
  ])
  return { config, address, password, authorities: writeAuthorities(config) }
}

/** Node's own authorities and CA_FILE's, as connect.ts trusts them. */
function writeAuthorities(config: Config): string {
  const file = path.join(config.stateDir, 'authorities.pem')
  makeFolder(config.stateDir, 0o700)
  const authorities = [...rootCertificates, ...createNetworkOptions(config).authorities]
  writeAtomically(file, `${authorities.join('\n')}\n`, { mode: 0o600 })
  return file
}

/**
 * `--dbname=` with everything that libpq needs. The password goes into a 0600 file (libpq's passfile, section 34.16 of
 * PostgreSQL's manual); the certificate is checked against the name.
 */
export function databaseArgument(
  { config, address, password, authorities }: ServerAccess,
  database: string,
): SecretFile {
  const host = databaseHost(config)
  const { user } = config.postgres
  const options = new URLSearchParams({
    hostaddr: address,
    sslmode: 'verify-full',
    sslrootcert: authorities,
    gssencmode: 'disable',
    connect_timeout: '10',
    keepalives_idle: '30',
    application_name: 'codex-dominion-ops',
  })
  // libpq decodes %20, but takes + for itself.
  const query = options.toString().replaceAll('+', '%20')
  const server = `${encodeURIComponent(user)}@${host}:${databasePort}/${encodeURIComponent(database)}`
  const entry = [host, String(databasePort), '*', user, password].map((field) =>
    field === '*' ? field : field.replaceAll(/[\\:]/g, '\\$&'),
  )
  return secretFile('pgpass', `${entry.join(':')}\n`, `--dbname=postgresql://${server}?${query}&passfile=`)
}

/** Everything of the snapshot into one compressed file. */
export const dumpCommand = (reached: ServerAccess, snapshot: string, file: string): Command =>
  local.record({ env, timeoutMs: 12 * hour, explain: explainTool })`
    pg_dump --format=custom --no-password --lock-wait-timeout=60s
    --snapshot=${snapshot} --file=${file} ${databaseArgument(reached, reached.config.postgres.database)}`

/** The table of contents of a dump, which stands at its beginning. */
export const listCommand = (file: string): Command =>
  local({ env, explain: explainTool })`pg_restore --list ${file}`

/**
 * Puts a dump into a database. Owners are not set: everything belongs to who restores, as in the original. It goes on
 * after an error and exits 1 then (restoreErrors tells which count).
 */
export const restoreCommand = (reached: ServerAccess, database: string, file: string): Command =>
  local.change({ env, accept: [0, 1], timeoutMs: 12 * hour, explain: explainTool })`
    pg_restore --no-password --no-owner --no-privileges ${databaseArgument(reached, database)} ${file}`

/** The lines of a table of contents that give rights to roles. */
export const extractGrants = (toc: string): string[] =>
  toc.split('\n').filter((line) => /^\d+; \d+ \d+ (?:DEFAULT )?ACL /.test(line))

/** Only the rights, once the rest is there; undefined when the dump has none. Errors are for the caller to tell. */
export const grantsCommand = (
  reached: ServerAccess,
  database: string,
  file: string,
  lines: readonly string[],
): Command | undefined =>
  lines.length === 0
    ? undefined
    : local.change({ env, accept: [0, 1], timeoutMs: hour, explain: explainTool })`
        pg_restore --no-password --no-owner --use-list=${secretFile('rights.list', `${lines.join('\n')}\n`)}
        ${databaseArgument(reached, database)} ${file}`

/** pg_restore 17 and newer sets this on every server, also on those that do not know it yet. */
const harmless = /unrecognized configuration parameter "transaction_timeout"/

/** The errors in what pg_restore said, without those that change nothing. */
export const parseRestoreErrors = (stderr: string): string[] =>
  stderr.split('\n').filter((line) => /^pg_restore: error: /.test(line) && !harmless.test(line))

/**
 * Is the program there, and as new as the server? pg_dump refuses a newer server, and pg_restore a newer dump.
 * Throws exit 2 naming what to install.
 */
export async function requirePgTool(
  { runner }: Context,
  program: 'pg_dump' | 'pg_restore',
  atLeast: number,
): Promise<string> {
  const { stdout } = await runner.run(local({ env })`${program} --version`).catch((thrown) => {
    if (!(thrown instanceof OpsError)) throw thrown
    throw new OpsError({ ...thrown.failure, next: formatInstallHint(atLeast), exitCode: exitCode.usage })
  })
  const version = /\) (\d+[\w.]*)/.exec(stdout)?.[1] ?? stdout.trim()
  if (Number.parseInt(version, 10) >= atLeast) return version
  throw usageError(
    `${program} is version ${version}; a server of version ${atLeast} needs ${atLeast} or newer`,
    formatInstallHint(atLeast),
  )
}

/** Per platform, what brings pg_dump and pg_restore. */
export function formatInstallHint(major: number, platform: NodeJS.Platform = process.platform): string {
  const later = 'then run this command again.'
  if (platform === 'darwin')
    return `brew install libpq && brew link --force libpq   (PostgreSQL's client tools, ${major} or newer), ${later}`
  if (platform === 'win32')
    return `Install "Command Line Tools" of PostgreSQL ${major} or newer (postgresql.org/download/windows), add its bin folder to the PATH, ${later}`
  return `Debian, Ubuntu: apt-get install postgresql-client-${major} (an older release has it after the steps on postgresql.org/download); Fedora: dnf install postgresql; ${later}`
}

/** libpq's words, and the server's when it ends a session or takes none. */
const unreachable = new RegExp(
  [
    ...['Connection refused', 'Connection reset', 'Connection timed out', 'timeout expired', 'Broken pipe'],
    ...['Network is unreachable', 'No route to host', 'no pg_hba\\.conf entry', 'could not connect'],
    ...[
      'server closed the connection',
      'no connection to the server',
      'could not (?:send|receive) data (?:to|from) ',
    ],
    ...[
      'SSL connection has been closed',
      'SSL SYSCALL error',
      'terminating connection',
      'too many clients already',
    ],
    ...['the database system is ', 'remaining connection slots'],
  ].join('|'),
)

/** What the tools' words mean; undefined when they speak for themselves. */
export function explainTool(output: string): Partial<Failure> | undefined {
  if (/ERROR: .*(?:No space left on device|read-only transaction)/.test(output))
    return {
      what: "The server's disk is full, or nearly: it takes no more",
      next: `Drop a database that is not needed, or raise POSTGRES_STORAGE_GB in ${formatKeyFile('POSTGRES_STORAGE_GB')} and ${formatScriptLine('provision')}; then run this command again.`,
    }
  if (/No space left on device|disk full/i.test(output))
    return {
      what: 'The disk is full',
      next: 'Make room, or choose another folder with --to; earlier backups are as they were.',
    }
  if (/password authentication failed/.test(output))
    return {
      what: 'The database refuses the password',
      next: `Set POSTGRES_PASSWORD in ${formatKeyFile('POSTGRES_PASSWORD')} to the one in force.`,
      exitCode: exitCode.notLoggedIn,
    }
  if (/server version mismatch|unsupported version \(/.test(output))
    return {
      what: "PostgreSQL's client tools are older than the server or the dump",
      exitCode: exitCode.usage,
    }
  if (unreachable.test(output))
    return {
      what: 'The database cannot be reached, or went away meanwhile',
      next: `${formatScriptLine('check-database')} shows more; then run this command again.`,
      exitCode: exitCode.unknown,
    }
  return undefined
}
