import path from 'node:path'
import { rootCertificates } from 'node:tls'
import { databaseHost } from '../azure/resources/postgres.ts'
import { type Config, formatKeyFile, formatScriptLine } from '../config/config.ts'
import { createNetworkOptions } from '../config/network.ts'
import { revealSecret } from '../config/secret.ts'
import { type Command, local, type SecretFile, secretFile } from '../shell/command.ts'
import type { Context } from '../tasks/task.ts'
import { exitCode, type Failure, OpsError, usageError } from '../util/errors.ts'
import { makeFolder, writeAtomically } from '../util/files.ts'
import { databasePort, resolveDatabase } from './connect.ts'

const hour = 3_600_000

/** Makes the tools write in English: their output is parsed here. */
const env = { LC_ALL: 'C', LC_MESSAGES: 'C', LANGUAGE: 'C' }

/** What PostgreSQL's programs need to reach the server. */
export interface ServerAccess {
  config: Config
  /** Resolved by DNS_SERVER, if that is set; libpq would ask the system. */
  address: string
  password: string
  /** A PEM file with the trusted authorities. */
  authorities: string
}

/** Resolves the server's name and writes the trusted authorities to a file. */
export async function getServerAccess(context: Context): Promise<ServerAccess> {
  const { config, runner } = context
  const [password, address] = await Promise.all([
    revealSecret(config.postgres.password, runner),
    resolveDatabase(context),
  ])
  const authorities = path.join(config.stateDir, 'authorities.pem')
  makeFolder(config.stateDir, 0o700)
  // Those of Node and of CA_FILE, as in connect.ts.
  const trusted = [...rootCertificates, ...createNetworkOptions(config).authorities]
  writeAtomically(authorities, `${trusted.join('\n')}\n`, { mode: 0o600 })
  return { config, address, password, authorities }
}

/**
 * `--dbname=` with everything that libpq needs. The password goes into a 0600 file (libpq's passfile, section 34.16 of
 * PostgreSQL's manual); libpq checks the server's certificate and name.
 */
export function databaseArgument(access: ServerAccess, database: string): SecretFile {
  const { config, address, password, authorities } = access
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
  // libpq decodes %20, but not +.
  const query = options.toString().replaceAll('+', '%20')
  const server = `${encodeURIComponent(user)}@${host}:${databasePort}/${encodeURIComponent(database)}`
  const escaped = (field: string) => field.replaceAll(/[\\:]/g, '\\$&')
  const entry = `${host}:${databasePort}:*:${escaped(user)}:${escaped(password)}\n`
  return secretFile('pgpass', entry, `--dbname=postgresql://${server}?${query}&passfile=`)
}

/** Dumps the whole snapshot into one compressed file. */
export const dumpCommand = (access: ServerAccess, snapshot: string, file: string): Command =>
  local.record({ env, timeoutMs: 12 * hour, explain: explainTool })`
    pg_dump --format=custom --no-password --lock-wait-timeout=60s
    --snapshot=${snapshot} --file=${file} ${databaseArgument(access, access.config.postgres.database)}`

/** Prints the table of contents of a dump. */
export const listCommand = (file: string): Command =>
  local({ env, explain: explainTool })`pg_restore --list ${file}`

/**
 * Restores a dump into a database. Everything belongs to the user that restores, as in the original.
 * pg_restore continues after an error and then exits 1; parseRestoreErrors extracts the errors that count.
 */
export const restoreCommand = (access: ServerAccess, database: string, file: string): Command =>
  local.change({ env, accept: [0, 1], timeoutMs: 12 * hour, explain: explainTool })`
    pg_restore --no-password --no-owner --no-privileges ${databaseArgument(access, database)} ${file}`

/** Returns the lines of a table of contents that grant rights to roles. */
export const extractGrants = (toc: string): string[] =>
  toc.split('\n').filter((line) => /^\d+; \d+ \d+ (?:DEFAULT )?ACL /.test(line))

/** Restores only the rights; undefined when the dump has none. The caller reports errors. */
export function grantsCommand(
  access: ServerAccess,
  database: string,
  file: string,
  lines: readonly string[],
) {
  if (lines.length === 0) return undefined
  return local.change({ env, accept: [0, 1], timeoutMs: hour, explain: explainTool })`
    pg_restore --no-password --no-owner --use-list=${secretFile('rights.list', `${lines.join('\n')}\n`)}
    ${databaseArgument(access, database)} ${file}`
}

/** pg_restore 17 and newer sets this parameter on every server, also on older ones that lack it. */
const harmless = /unrecognized configuration parameter "transaction_timeout"/

/** Returns the errors in pg_restore's output, without harmless ones. */
export const parseRestoreErrors = (stderr: string): string[] =>
  stderr.split('\n').filter((line) => /^pg_restore: error: /.test(line) && !harmless.test(line))

/**
 * Returns the version of a program. pg_dump refuses a newer server, and pg_restore a newer dump. Throws exit
 * 2 naming what to install when the program is missing or too old.
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

/** How to install pg_dump and pg_restore. */
export function formatInstallHint(major: number, platform: NodeJS.Platform = process.platform): string {
  const later = 'then run this command again.'
  if (platform === 'darwin')
    return `brew install libpq && brew link --force libpq   (PostgreSQL's client tools, ${major} or newer), ${later}`
  if (platform === 'win32')
    return `Install "Command Line Tools" of PostgreSQL ${major} or newer (postgresql.org/download/windows), add its bin folder to the PATH, ${later}`
  return `Debian, Ubuntu: apt-get install postgresql-client-${major} (on older releases, first follow the steps on postgresql.org/download); Fedora: dnf install postgresql; ${later}`
}

/** Messages of libpq, and of a server that ends or refuses a session. */
const unreachable = [
  /Connection refused|Connection reset|Connection timed out|timeout expired|Broken pipe|could not connect/,
  /Network is unreachable|No route to host|no pg_hba\.conf entry|no connection to the server/,
  /server closed the connection|could not (?:send|receive) data (?:to|from) |terminating connection/,
  /SSL connection has been closed|SSL SYSCALL error|too many clients already/,
  /the database system is |remaining connection slots/,
]

/** What helps when the disk of the backups is full. */
export const freeSpace = 'Free some space, or choose another folder with --to; earlier backups are unchanged.'

/** Explains the tools' output; undefined when it needs no explanation. */
export function explainTool(output: string): Partial<Failure> | undefined {
  if (/ERROR: .*(?:No space left on device|read-only transaction)/.test(output))
    return {
      what: "The server's disk is full, or nearly full",
      next: `Drop a database that is no longer needed, or raise POSTGRES_STORAGE_GB in ${formatKeyFile('POSTGRES_STORAGE_GB')} and ${formatScriptLine('provision')}; then run this command again.`,
    }
  if (/No space left on device|disk full/i.test(output)) return { what: 'The disk is full', next: freeSpace }
  if (/password authentication failed/.test(output))
    return {
      what: 'The database refuses the password',
      next: `Set POSTGRES_PASSWORD in ${formatKeyFile('POSTGRES_PASSWORD')} to the current one.`,
      exitCode: exitCode.notLoggedIn,
    }
  if (/server version mismatch|unsupported version \(/.test(output)) {
    const what = "PostgreSQL's client tools are older than the server or the dump"
    return { what, exitCode: exitCode.usage }
  }
  if (!unreachable.some((message) => message.test(output))) return undefined
  return {
    what: 'The database cannot be reached, or the connection was lost',
    next: `For details: ${formatScriptLine('check-database')}. Then run this command again.`,
    exitCode: exitCode.unknown,
  }
}
