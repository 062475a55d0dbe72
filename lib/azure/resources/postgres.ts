import type { Config } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import { type Context, differing } from '../../tasks/task.ts'
import { getMessage, unknownError } from '../../util/errors.ts'
import { absent, az } from '../cli.ts'
import {
  type ArmLocation,
  type DataTierResource,
  hoursPerMonth,
  type PricedPart,
  type Resource,
  resourceId,
} from './resource.ts'

/** The PostgreSQL server, with one of its parameters. */
export interface DatabaseServer extends Resource {
  /** `require_secure_transport` as ARM shows it, on or off; undefined when it could not be read. */
  secureTransport?: string | undefined
}

const apiVersion = '2022-12-01'
const path = ({ postgres }: Config): string => `Microsoft.DBforPostgreSQL/flexibleServers/${postgres.server}`

export const secureTransport: ArmLocation = {
  apiVersion,
  path: (config) => `${path(config)}/configurations/require_secure_transport`,
}
/** The firewall rule that admits the operator's machine. */
const operatorRule: ArmLocation = { apiVersion, path: (config) => `${path(config)}/firewallRules/operator` }

export const postgres: DataTierResource<DatabaseServer> = {
  provider: 'Microsoft.DBforPostgreSQL',
  permissions: ['Microsoft.DBforPostgreSQL/flexibleServers/write'],
  title: 'PostgreSQL server',
  shareKind: 'postgres',
  name: (config) => config.postgres.server,
  describe: (config) => `PostgreSQL ${config.postgres.server} (${config.postgres.sku})`,
  apiVersion,
  path,
  // The parameters of a stopped server may be unavailable. It still exists, so it does not count as incomplete.
  children: [secureTransport],
  combine: ([server, transport]) => ({
    ...server,
    secureTransport: transport?.properties.value as string | undefined,
  }),
  getParameters: ({ postgres }, operatorAddress) => ({
    postgresServer: postgres.server,
    postgresDatabase: postgres.database,
    postgresUser: postgres.user,
    postgresSku: postgres.sku,
    postgresVersion: postgres.version,
    postgresStorageGb: postgres.storageGb,
    postgresBackupDays: postgres.backupDays,
    operatorAddress,
  }),
  lastOperation: /^Microsoft\.DBforPostgreSQL\/flexibleServers\/firewallRules \S*\boperator$/i,
  getDrift({ postgres }, { sku, properties }) {
    const storage = properties.storage as { storageSizeGB?: number; storageSizeGb?: number } | undefined
    const backup = properties.backup as { backupRetentionDays?: number } | undefined
    return differing(
      ['PostgreSQL size', sku?.name, postgres.sku],
      ['PostgreSQL version', properties.version, postgres.version],
      ['PostgreSQL storage (GB)', storage?.storageSizeGB ?? storage?.storageSizeGb, postgres.storageGb],
      ['PostgreSQL backup (days)', backup?.backupRetentionDays, postgres.backupDays],
    )
  },
  getCorrections(config, found, subscription) {
    if (found.secureTransport?.toLowerCase() !== 'off') return []
    const field = { name: 'PostgreSQL require_secure_transport', before: 'off', after: 'on' }
    return [{ field, command: requireSecureTransport(config, subscription) }]
  },
  getPricedParts({ postgres }): PricedPart[] {
    const size = postgres.sku.replace(/^Standard_/, '')
    const { storageGb } = postgres
    const products = ['Azure Database for PostgreSQL Flexible Server Burstable BS Series Compute']
    const compute = { service, products, sku: size, meter: size, unit: '1 Hour' }
    return [
      {
        id: 'postgres-compute',
        title: `PostgreSQL server ${postgres.sku}`,
        quantities: [{ meter: compute, quantity: hoursPerMonth, formula: `${hoursPerMonth} h` }],
      },
      {
        id: 'postgres-storage',
        title: 'PostgreSQL disk and backups',
        quantities: [{ meter: storageMeter, quantity: storageGb, formula: `${storageGb} GB` }],
        remark: `; ${postgres.backupDays} days of backups are free up to ${storageGb} GB`,
      },
    ]
  },
}

const service = 'Azure Database for PostgreSQL'
/** Backups are free up to the size of the disk, so they have no meter. */
const storageMeter = {
  service,
  products: [
    'Azure Database for PostgreSQL Flex Server Storage',
    'Az DB for PostgreSQL Flexible Server Storage',
  ],
  sku: 'Storage',
  meter: 'Storage Data Stored',
  unit: '1 GB/Month',
}

export const databaseHost = ({ postgres }: Config): string => `${postgres.server}.postgres.database.azure.com`

/** Makes the server accept only TLS connections; returns when ARM has finished. */
const requireSecureTransport = (config: Config, subscription: string): Command =>
  az.change`
    resource update --ids ${resourceId(config, subscription, secureTransport)} --api-version ${apiVersion}
      --set properties.value=on --set properties.source=user-override`

/** Reads the address that the server's firewall rule `operator` admits; undefined when there is no such rule. */
export async function readOperatorRule(
  { config, runner }: Context,
  subscription: string,
): Promise<string | undefined> {
  const id = resourceId(config, subscription, operatorRule)
  const { code, stdout } = await runner.run(az`resource show --ids ${id} --api-version ${apiVersion}`)
  return code === absent ? undefined : ((JSON.parse(stdout) as Resource).properties.startIpAddress as string)
}

/**
 * Reads the public address of this machine, as the server's firewall sees it.
 * Throws (exit 3) when the service that reports it gives no address.
 */
export async function readOperatorAddress({ runner }: Context): Promise<string> {
  const url = 'https://api.ipify.org/?format=json'
  const unknown = (said: string) =>
    unknownError(
      "Cannot determine this machine's public address, which the database's firewall must admit",
      `${url}: ${said}`,
      'Check the network, then run this command again.',
    )
  const request = { method: 'GET', url, effect: 'read', timeoutMs: 10_000 } as const
  const { status, body } = await runner.request(request).catch((thrown) => {
    throw unknown(getMessage(thrown))
  })
  const address = /"ip":\s*"([0-9.]+)"/.exec(body)?.[1]
  if (status !== 200 || !address) throw unknown(`${status} ${body.slice(0, 200)}`)
  return address
}
