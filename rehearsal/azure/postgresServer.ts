import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Machine, runIn } from '../machine.ts'
import { argv } from '../processes.ts'
import { rangeBlocks } from './addresses.ts'
import { refuse } from './errors.ts'
import { serverProgram, startServerMachine } from './serverMachine.ts'
import type { World } from './world.ts'

/** A PostgreSQL server of the rehearsal: Debian's PostgreSQL with TLS in a separate machine. */
export interface PostgresServer {
  machine: Machine
  host: string
  /** The running version, such as `15.18`. */
  version(): string
  settings: Map<string, Setting>
  /** Runs a statement in the database postgres. */
  sql(statement: string): Promise<string>
  /** Sets who may connect from where; takes effect at once. */
  allow(rules: { start: string; end: string }[], secureOnly: boolean): Promise<void>
  set(name: string, value: string): Promise<void>
  backUp(folder: string): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
  running(): boolean
  remove(): Promise<void>
}

/** A row of pg_settings. */
export interface Setting {
  name: string
  setting: string
  boot_val: string
  vartype: string
  context: string
  short_desc: string
  min_val: string | null
  max_val: string | null
  enumvals: string | null
  pending_restart: boolean
}

/** Azure's own, which PostgreSQL does not have: whether pg_hba.conf accepts only connections with TLS. */
export const secureTransport = (setting = 'on'): Setting => ({
  ...{ name: 'require_secure_transport', setting, boot_val: 'on', vartype: 'bool', context: 'sighup' },
  short_desc: 'Whether client connections to the server are required to use secure transport.',
  ...{ min_val: null, max_val: null, enumvals: null, pending_restart: false },
})

const binaries = '/usr/lib/postgresql'
const data = '/var/lib/postgresql/data'
const sockets = '/run/postgresql'

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`

const configuration = `
listen_addresses = '*'
port = 5432
unix_socket_directories = '${sockets}'
ssl = on
ssl_cert_file = 'server.crt'
ssl_key_file = 'server.key'
ssl_min_protocol_version = 'TLSv1.2'
password_encryption = 'scram-sha-256'
max_connections = 50
shared_buffers = 32MB
# The rehearsal's data need not outlive a power cut of the machine.
fsync = off
full_page_writes = off
timezone = 'UTC'
log_line_prefix = '%m [%p] '
`

export async function startPostgres(
  world: World,
  name: string,
  admin: { login: string; password: string },
): Promise<PostgresServer> {
  const host = `${name}.postgres.database.azure.com`
  const [version] = readdirSync(join(world.roots.servers, binaries))
  const bin = `${binaries}/${version}/bin`
  const { machine, certificate } = await startServerMachine(world, `pg-${name}`, host)
  try {
    await runIn(machine, [
      'sh',
      '-euc',
      `install -d -o postgres -g postgres -m 700 ${data}; install -d -o postgres -g postgres -m 755 ${sockets}
       setpriv --reuid=postgres --regid=postgres --init-groups ${bin}/initdb -D ${data} -E UTF8 --locale=C.UTF-8 --no-sync -A peer > /dev/null
       cat >> ${data}/postgresql.conf <<'END'${configuration}END
       umask 077; touch ${data}/server.key ${data}/server.crt ${data}/pg_hba.conf`,
    ])
    const write = (file: string, text: string) => writeFileSync(join(machine.root, data, file), text)
    write('server.key', certificate.key)
    write('server.crt', certificate.certificate)
    write('pg_hba.conf', 'local all,replication postgres peer\n')
    await runIn(machine, argv`chown -R postgres:postgres ${data}`)
    const server = serverIn(world, machine, host, bin)
    await server.start()
    await server.sql(`CREATE ROLE azure_pg_admin NOLOGIN;
       CREATE ROLE ${quoteName(admin.login)} LOGIN CREATEDB CREATEROLE PASSWORD ${quoteText(admin.password)} IN ROLE azure_pg_admin;
       GRANT pg_read_all_stats, pg_read_all_settings, pg_signal_backend TO azure_pg_admin;
       ALTER DATABASE postgres OWNER TO azure_pg_admin;`)
    await world.dns.set(host, [machine.address])
    return server
  } catch (error) {
    await machine.stop()
    throw error
  }
}

function serverIn(world: World, machine: Machine, host: string, bin: string): PostgresServer {
  let removed = false
  const own = secureTransport()
  const settings = new Map([[own.name, own]])
  const program = serverProgram(machine, {
    title: `PostgreSQL of ${host}`,
    argv: argv`${bin}/postgres -D ${data}`,
    user: 'postgres',
    answers: async () => (await machine.run(argv`${bin}/pg_isready -q -h ${sockets}`)).code === 0,
    endSignal: 'SIGINT',
  })

  async function sql(statement: string): Promise<string> {
    if (!program.running()) throw refuse('serverStopped', { name: host.split('.')[0] })
    const psql = argv`${bin}/psql -h ${sockets} -d postgres -v ON_ERROR_STOP=1 -XAtq -f -`
    const { code, stdout, stderr } = await machine.run(psql, { user: 'postgres', input: statement })
    if (code === 0) return stdout.trim()
    const words = /ERROR: {2}(.*)/.exec(stderr)?.[1] ?? stderr.trim()
    throw refuse('sqlRefused', { words })
  }

  async function readSettings(): Promise<void> {
    const rows =
      await sql(`SELECT json_agg(json_build_object('name', name, 'setting', setting, 'boot_val', boot_val, 'vartype', vartype,
         'context', context, 'short_desc', short_desc, 'min_val', min_val, 'max_val', max_val,
         'enumvals', array_to_string(enumvals, ','), 'pending_restart', pending_restart)) FROM pg_settings`)
    for (const row of JSON.parse(rows) as Setting[]) settings.set(row.name, row)
  }

  async function start(): Promise<void> {
    if (program.running()) return
    await program.start()
    await readSettings()
  }

  return {
    machine,
    host,
    version: () => /^\d[\d.]*/.exec(settings.get('server_version')?.setting ?? '')?.[0] ?? '',
    settings,
    sql,
    start,
    stop: program.stop,
    running: program.running,
    async allow(rules, secureOnly) {
      if (removed) return
      const kind = secureOnly ? 'hostssl' : 'host'
      const blocks = rules.flatMap(({ start: from, end }) =>
        // 0.0.0.0 to 0.0.0.0 is Azure's way to write "every Azure service".
        from === '0.0.0.0' && end === '0.0.0.0'
          ? [...world.azureAddresses].map((address) => `${address}/32`)
          : rangeBlocks(from, end),
      )
      const lines = [
        'local all,replication postgres peer',
        ...blocks.map((block) => `${kind} all all ${block} scram-sha-256`),
      ]
      writeFileSync(join(machine.root, data, 'pg_hba.conf'), `${lines.join('\n')}\n`)
      // SIGHUP rather than SQL: it does not harm a server that is shutting down.
      program.signal('SIGHUP')
      // There is no reply; the postmaster reads the file within milliseconds.
      await new Promise((resolve) => setTimeout(resolve, 50))
    },
    async set(name, value) {
      if (name === own.name) return void settings.set(name, secureTransport(value.toLowerCase()))
      await sql(`ALTER SYSTEM SET ${quoteName(name)} = ${quoteText(value)}`)
      await sql('SELECT pg_reload_conf()')
      await new Promise((resolve) => setTimeout(resolve, 100))
      await readSettings()
    },
    async backUp(folder) {
      const inside = '/tmp/backup'
      const line = argv`${bin}/pg_basebackup -h ${sockets} -D ${inside} -Ft -z -c fast --no-sync`
      await runIn(machine, line, { user: 'postgres' })
      // Stored outside the machine, so that a backup outlives its server.
      cpSync(join(machine.root, inside), folder, { recursive: true })
      rmSync(join(machine.root, inside), { recursive: true, force: true })
    },
    async remove() {
      removed = true
      await world.dns.remove(host)
      await program.stop()
      await machine.stop()
    },
  }
}
