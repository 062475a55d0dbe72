import type { Resource } from '../../azure/resources/resource.ts'
import type { Config } from '../../config/config.ts'
import { formatAzLine, formatKeyFile, formatScriptLine } from '../../config/pasteLine.ts'
import type { ConnectTimes } from '../../shell/runner.ts'
import type { Settled } from '../../util/concurrency.ts'
import { formatBytes, formatCount, formatDuration } from '../../util/format.ts'
import { type Finding, type Judged, judgedFailure } from '../../util/status.ts'
import type { DatabaseFacts, ServerBackup, ServerFacts, TableSize } from './facts.ts'

const hour = 3_600_000

/** Every finding, in the order they are shown. A source that gave no answer is UNKNOWN, never OK. */
export function evaluateFacts(config: Config, facts: DatabaseFacts, now: number): Finding[] {
  const { server, backups, times, plain, facts: own, tables, migrations } = facts
  const tlsWorks = times.value !== undefined
  return [
    finding('server', 'Server', server, (found) => judgeServer(config, found)),
    finding('version', 'Version', own, ({ version }) => judgeVersion(config, version)),
    finding('tls', 'TLS enforced', plain, (answer) => judgePlain(answer, tlsWorks)),
    finding('connection', 'Connection time', times, judgeTimes),
    finding('connections', 'Connections', own, judgeConnections),
    finding('storage', 'Storage', own, (found) => judgeStorage(found, server.value, config)),
    finding('backups', 'Backups', backups, (found) => judgeBackups(found, server.value, now)),
    finding('migrations', 'Migrations', migrations, (found) => judgeMigrations(found)),
    ...tableFindings(tables),
  ]
}

function finding<Value>(
  id: string,
  title: string,
  answer: Settled<Value>,
  judge: (value: Value) => Judged,
): Finding {
  if (answer.failure) return { id, title, ...judgedFailure(answer.failure) }
  return { id, title, ...judge(answer.value as Value) }
}

function judgeServer(config: Config, { name, sku, properties }: Resource): Judged {
  const state = String(properties.state)
  const detail = `${name} is ${state} (${sku?.name ?? 'size unknown'})`
  if (state === 'Ready') return { verdict: 'OK', detail }
  if (state === 'Stopped')
    return {
      verdict: 'CRITICAL',
      detail,
      next: formatAzLine(
        `az postgres flexible-server start --resource-group ${config.azure.resourceGroup} --name ${name}`,
      ),
    }
  return { verdict: /^(Updating|Starting|Restarting)$/.test(state) ? 'WARNING' : 'CRITICAL', detail }
}

function judgeVersion({ postgres }: Config, version: string): Judged {
  const same = version.split('.')[0] === postgres.version
  return same
    ? { verdict: 'OK', detail: `PostgreSQL ${version}` }
    : {
        verdict: 'WARNING',
        detail: `PostgreSQL ${version}; the configuration says ${postgres.version}`,
        next: `Set POSTGRES_VERSION in ${formatKeyFile('POSTGRES_VERSION')} to what is there, or upgrade the server.`,
      }
}

/** SQLSTATE of "no pg_hba.conf entry … no encryption" (invalid_authorization_specification). */
const notAllowed = '28000'

/**
 * The server's first words to a client that asks for no TLS: R asks for the password, E is an error (ErrorResponse in
 * PostgreSQL's message formats). Only one error says that the way in is closed; the others come to anybody.
 */
export function judgePlain(answer: string, tlsWorks: boolean): Judged {
  if (answer.startsWith('E')) {
    const { code, message } = errorOf(answer)
    if (code !== notAllowed)
      return {
        verdict: 'UNKNOWN',
        detail: `a plain connection was answered with another error (${code ?? 'no SQLSTATE'}: ${message ?? 'no words'}), which says nothing about TLS`,
        next: 'Run the same line again in a minute.',
      }
    return tlsWorks
      ? { verdict: 'OK', detail: 'a plain connection was tried and refused' }
      : { verdict: 'UNKNOWN', detail: 'a plain connection is refused, but so is one with TLS' }
  }
  if (answer.startsWith('R'))
    return {
      verdict: 'CRITICAL',
      detail: 'a plain connection is let in: passwords and data can travel readable',
      next: `${formatScriptLine('provision')}   (it sets require_secure_transport)`,
    }
  return { verdict: 'UNKNOWN', detail: 'the server hung up on a plain connection without a word' }
}

/** Behind type and length an ErrorResponse has fields, each a letter and text up to a zero byte: C the code, M the message. */
function errorOf(answer: string): { code?: string | undefined; message?: string | undefined } {
  const fields = answer.slice(5).split('\0')
  const field = (letter: string) => fields.find((each) => each.startsWith(letter))?.slice(1)
  return { code: field('C'), message: field('M') }
}

/** A person begins to wait at about a second. */
const slowMs = 1000

function judgeTimes({ dns, tcp, login }: ConnectTimes): Judged {
  const total = dns + tcp + login
  const detail = `${total} ms: DNS ${dns}, TCP ${tcp}, TLS and login ${login}`
  return total < slowMs ? { verdict: 'OK', detail } : { verdict: 'WARNING', detail: `slow: ${detail}` }
}

function judgeShare(used: number, allowed: number, detail: string, next: string): Judged {
  const share = used / allowed
  if (share >= 0.95) return { verdict: 'CRITICAL', detail, next }
  return share >= 0.8 ? { verdict: 'WARNING', detail, next } : { verdict: 'OK', detail }
}

const percent = (used: number, allowed: number): string => `${Math.round((used / allowed) * 100)} %`

export const judgeConnections = ({ connections, connectionsAllowed }: ServerFacts): Judged =>
  judgeShare(
    connections,
    connectionsAllowed,
    `${connections} of ${connectionsAllowed} (${percent(connections, connectionsAllowed)})`,
    'Fewer workers or smaller pools; a larger POSTGRES_SKU allows more.',
  )

function judgeStorage({ stored }: ServerFacts, server: Resource | undefined, config: Config): Judged {
  const storage = server?.properties.storage as { storageSizeGB?: number; storageSizeGb?: number } | undefined
  const known = storage?.storageSizeGB ?? storage?.storageSizeGb
  const allowed = (known ?? config.postgres.storageGb) * 2 ** 30
  const source = known === undefined ? ' of the configuration' : ''
  return judgeShare(
    stored,
    allowed,
    `${formatBytes(stored)} of ${allowed / 2 ** 30} GB${source} (${percent(stored, allowed)}), databases and write-ahead log`,
    `Raise POSTGRES_STORAGE_GB in ${formatKeyFile('POSTGRES_STORAGE_GB')}, then ${formatScriptLine('provision')}: a full server takes no more writes.`,
  )
}

/** Azure takes one a day; twice that without one is a fault. A server of less than a day may have none yet. */
export function judgeBackups(
  backups: readonly ServerBackup[],
  server: Resource | undefined,
  now: number,
): Judged {
  const { earliestRestoreDate, backupRetentionDays } = (server?.properties.backup ?? {}) as {
    earliestRestoreDate?: string
    backupRetentionDays?: number
  }
  const newest = backups[0]
  const next = `${formatScriptLine('backup-database')} takes a dump here; ask Azure why it took no backup.`
  if (!newest) {
    const created = Date.parse(
      (server as { systemData?: { createdAt?: string } } | undefined)?.systemData?.createdAt ?? '',
    )
    const young = now - created < 24 * hour
    return {
      verdict: young ? 'WARNING' : 'CRITICAL',
      detail: `Azure has no backup${young ? ' yet: the server is new' : ''}`,
      next,
    }
  }
  const age = now - Date.parse(newest.completed)
  const point = earliestRestoreDate
    ? `; any moment since ${earliestRestoreDate} can be restored, up to about 5 minutes ago`
    : ''
  const kept = backupRetentionDays ? `, kept ${backupRetentionDays} days` : ''
  const detail = `${backups.length} in Azure${kept}, newest ${newest.completed} (${formatDuration(age)} ago)${point}`
  if (age < 36 * hour) return { verdict: 'OK', detail }
  return { verdict: age < 72 * hour ? 'WARNING' : 'CRITICAL', detail, next }
}

function judgeMigrations({ pending, all }: { pending: readonly { name: string }[]; all: number }): Judged {
  if (pending.length === 0) return { verdict: 'OK', detail: `all ${all} are applied, as they are in infra/` }
  return {
    verdict: 'WARNING',
    detail: `${pending.length} of ${all} are pending: ${pending.map(({ name }) => name).join(', ')}`,
    next: `${formatScriptLine('provision')}   (it applies them)`,
  }
}

function tableFindings(tables: Settled<TableSize[]>): Finding[] {
  if (tables.failure) return [{ id: 'tables', title: 'Tables', ...judgedFailure(tables.failure) }]
  return tables.value.map(({ name, rows, bytes }) => ({
    id: `table-${name}`,
    title: `Table ${name}`,
    ...(rows === undefined
      ? {
          verdict: 'CRITICAL' as const,
          detail: 'is not there',
          next: `${formatScriptLine('provision')}   (its migrations make it), or ${formatScriptLine('restore-database', 'FILE', '--into', 'NAME')}`,
        }
      : { verdict: 'OK' as const, detail: `${formatCount(rows, 'row')}, ${formatBytes(bytes ?? 0)}` }),
  }))
}
