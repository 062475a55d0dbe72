import { readOperatorAddress } from '../../azure/resources/postgres.ts'
import type { Resource } from '../../azure/resources/resource.ts'
import { type Config, formatAzLine, formatKeyFile, formatScriptLine } from '../../config/config.ts'
import type { ConnectTimes } from '../../shell/runner.ts'
import { exitCode, OpsError } from '../../util/errors.ts'
import { formatBytes, formatCount, formatDuration } from '../../util/format.ts'
import { worstVerdict } from '../../util/verdict.ts'
import { byLimits, type Check, type CheckContext, fail, pass, type Result, unknown, warn } from '../check.ts'
import { assertThat, judge } from '../run.ts'
import { type ServerBackup, type ServerFacts, type TableSize, applicationTables as tables } from './facts.ts'

const check = (id: string, title: string, run: Check['run']): Check => ({
  ...{ id, title, tags: ['check-database'], needs: 'az', run },
})

const hour = 3_600_000

/** The checks of check-database, in display order. */
export const databaseChecks: readonly Check[] = [
  check('server', 'Server', async ({ context, database }) =>
    judgeServer(context.config, await database.server()),
  ),
  check('version', 'Version', async ({ context, database }) =>
    judgeVersion(context.config, await database.facts()),
  ),
  check('tls', 'TLS enforced', async ({ database }) => {
    const [plain, times] = await Promise.allSettled([database.plain(), database.times()])
    if (plain.status === 'rejected') throw plain.reason
    return judgePlain(plain.value, times.status === 'fulfilled')
  }),
  check('connection', 'Connection time', async ({ database }) => judgeTimes(await database.times())),
  check('connections', 'Connections', async ({ database }) => judgeConnections(await database.facts())),
  check('storage', 'Storage', async ({ context, database }) => {
    const server = database.server().catch(() => undefined)
    return judgeStorage(await database.facts(), await server, context.config)
  }),
  check('backups', 'Backups', async ({ database, now }) => {
    const server = database.server().catch(() => undefined)
    return judgeBackups(await database.backups(), await server, now.getTime())
  }),
  check('migrations', 'Migrations', async ({ database }) => judgeMigrations(await database.migrations())),
  check('tables', 'Tables', async ({ database }) => judgeTables(await database.tables())),
  check('firewall', 'Firewall', judgeFirewall),
]

function judgeServer(config: Config, { name, sku, properties }: Resource): Result {
  const state = String(properties.state)
  const detail = `${name} is ${state} (${sku?.name ?? 'size unknown'})`
  if (state === 'Ready') return pass(detail)
  if (/^(Updating|Starting|Restarting)$/.test(state)) return warn(detail)
  if (state !== 'Stopped') return fail(detail)
  return fail(detail, formatStartLine(config))
}

export const formatStartLine = ({ azure, postgres }: Config): string =>
  formatAzLine(
    `az postgres flexible-server start --resource-group ${azure.resourceGroup} --name ${postgres.server}`,
  )

function judgeVersion({ postgres }: Config, { version }: ServerFacts): Result {
  if (version.split('.')[0] === postgres.version) return pass(`PostgreSQL ${version}`)
  return warn(
    `PostgreSQL ${version}, but the configuration says ${postgres.version}`,
    `Set POSTGRES_VERSION in ${formatKeyFile('POSTGRES_VERSION')} to the server's version, or upgrade the server.`,
  )
}

/** SQLSTATE of "no pg_hba.conf entry … no encryption" (invalid_authorization_specification). */
const notAllowed = '28000'

/**
 * Evaluates the server's first bytes to a client without TLS: R requests the password, E is an error (ErrorResponse in
 * PostgreSQL's message formats). Only one of the errors means that plain connections are refused.
 */
export function judgePlain(answer: string, tlsWorks: boolean): Result {
  if (answer.startsWith('R'))
    return fail(
      'a plain connection is accepted: passwords and data may travel unencrypted',
      `${formatScriptLine('provision')}   (it sets require_secure_transport)`,
    )
  if (!answer.startsWith('E')) return unknown('the server closed a plain connection without answering')
  const { code, message } = parseError(answer)
  if (code !== notAllowed)
    return unknown(
      `a plain connection was answered with another error (${code ?? 'no SQLSTATE'}: ${message ?? 'no message'}), which says nothing about TLS`,
      'Run this command again in a minute.',
    )
  return tlsWorks
    ? pass('a plain connection was tried and refused')
    : unknown('a plain connection is refused, but so is one with TLS')
}

/**
 * After its type and length, an ErrorResponse has fields: a letter and text up to a zero byte. C is the code,
 * M the message.
 */
function parseError(answer: string): { code?: string | undefined; message?: string | undefined } {
  const fields = answer.slice(5).split('\0')
  const field = (letter: string) => fields.find((each) => each.startsWith(letter))?.slice(1)
  return { code: field('C'), message: field('M') }
}

/** People notice delays of about a second and more. */
const slowMs = 1000

function judgeTimes({ dns, tcp, login }: ConnectTimes): Result {
  const total = dns + tcp + login
  const detail = `${total} ms: DNS ${dns}, TCP ${tcp}, TLS and login ${login}`
  return total < slowMs ? pass(detail) : warn(`slow: ${detail}`)
}

/** In per cent of the limit. */
const shareLimits = { warning: 80, critical: 95 }

const judgeShare = (used: number, allowed: number, detail: string, next: string): Result =>
  judge(byLimits((used / allowed) * 100, shareLimits), detail, next)

const percent = (used: number, allowed: number): string => `${Math.round((used / allowed) * 100)} %`

export const judgeConnections = ({ connections, connectionsAllowed }: ServerFacts): Result =>
  judgeShare(
    connections,
    connectionsAllowed,
    `${connections} of ${connectionsAllowed} (${percent(connections, connectionsAllowed)})`,
    `Use fewer workers or smaller pools, or set a larger POSTGRES_SKU in ${formatKeyFile('POSTGRES_SKU')}, which allows more connections.`,
  )

function judgeStorage(
  { stored, withoutWal }: ServerFacts,
  server: Resource | undefined,
  config: Config,
): Result {
  const storage = server?.properties.storage as { storageSizeGB?: number; storageSizeGb?: number } | undefined
  const known = storage?.storageSizeGB ?? storage?.storageSizeGb
  const allowed = (known ?? config.postgres.storageGb) * 2 ** 30
  const source = known === undefined ? ' of the configuration' : ''
  return judgeShare(
    stored,
    allowed,
    `${formatBytes(stored)} of ${allowed / 2 ** 30} GB${source} (${percent(stored, allowed)}), ${withoutWal ? 'databases without the write-ahead log, which this login may not see' : 'databases and write-ahead log'}`,
    `Raise POSTGRES_STORAGE_GB in ${formatKeyFile('POSTGRES_STORAGE_GB')}, then run ${formatScriptLine('provision')}: a full server accepts no more writes.`,
  )
}

/** Azure takes a backup each day; a server younger than a day may have none yet. */
const ageLimits = { warning: 36 * hour, critical: 72 * hour }

export function judgeBackups(
  backups: readonly ServerBackup[],
  server: Resource | undefined,
  now: number,
): Result {
  type Backup = { earliestRestoreDate?: string; backupRetentionDays?: number }
  const { earliestRestoreDate, backupRetentionDays } = (server?.properties.backup ?? {}) as Backup
  const [newest] = backups
  const next = `${formatScriptLine('backup-database')} takes a dump to this machine. Ask Azure why it took no backup.`
  if (!newest) {
    const { createdAt = '' } =
      (server as { systemData?: { createdAt?: string } } | undefined)?.systemData ?? {}
    if (now - Date.parse(createdAt) < 24 * hour)
      return warn('Azure has no backup yet: the server is new', next)
    return fail('Azure has no backups', next)
  }
  const age = now - Date.parse(newest.completed)
  const point = earliestRestoreDate
    ? `; any moment from ${earliestRestoreDate} until about 5 minutes ago can be restored`
    : ''
  const kept = backupRetentionDays ? `, kept ${backupRetentionDays} days` : ''
  const detail = `${backups.length} in Azure${kept}, newest ${newest.completed} (${formatDuration(age)} ago)${point}`
  return judge(byLimits(age, ageLimits), detail, next)
}

function judgeMigrations({ pending, all }: { pending: readonly { name: string }[]; all: number }): Result {
  if (pending.length === 0) return pass(`all ${all} in infra/ are applied`)
  return warn(
    `${pending.length} of ${all} are pending: ${pending.map(({ name }) => name).join(', ')}`,
    `${formatScriptLine('provision')}   (it applies them)`,
  )
}

function judgeTables(tables: readonly TableSize[]): Result {
  const missing = `${formatScriptLine('provision')}   (its migrations create it), or ${formatScriptLine('restore-database', 'FILE', '--into', 'NAME')}`
  const findings = tables.map(({ name, rows, bytes }) => ({
    id: `table-${name}`,
    title: `Table ${name}`,
    ...(rows === undefined
      ? fail('does not exist', missing)
      : pass(`${formatCount(rows, 'row')}, ${formatBytes(bytes ?? 0)}`)),
  }))
  return { verdict: worstVerdict(findings), detail: '', findings }
}

/** Checks whether the firewall admits this machine, when the server cannot be reached. */
async function judgeFirewall({ azContext, azure, database }: CheckContext): Promise<Result> {
  const failure = await database.times().then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  const reachable = !(failure instanceof OpsError && failure.exitCode === exitCode.unknown)
  if (reachable) return { ...pass(''), findings: [] }
  const letIn = (await azure.database())?.operatorAddress
  const self = await readOperatorAddress(azContext)
  if (letIn === self) return pass(`admits this machine (${self})`)
  return warn(
    `admits ${letIn ?? 'no operator'}, but this machine is ${self}`,
    `${formatScriptLine('provision')}   (it admits this machine)`,
  )
}

export const databaseTables: Check = {
  id: 'database-tables',
  title: 'Database tables',
  tags: ['acceptance'],
  needs: 'az',
  async run({ context: { runner } }) {
    const rows = await runner.query<{ name: string }>({
      text: `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_name = ANY($1)`,
      values: [tables],
      effect: 'read',
    })
    const missing = tables.filter((table) => !rows.some(({ name }) => name === table))
    assertThat(missing.length === 0, `missing: ${missing.join(', ')}`)
    return pass(tables.join(', '))
  },
}

/** Checks that this connection is encrypted and that one without TLS is refused. */
export const databaseTls: Check = {
  id: 'database-tls',
  title: 'Database only over TLS',
  tags: ['acceptance'],
  needs: 'az',
  async run({ context: { runner }, database }) {
    const [row] = await runner.query<{ version: string }>({
      text: 'SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl',
      effect: 'read',
    })
    assertThat(row, 'the connection is not encrypted')
    const plain = judgePlain(await database.plain(), true)
    return { ...plain, detail: `${row.version}; ${plain.detail}` }
  },
}
