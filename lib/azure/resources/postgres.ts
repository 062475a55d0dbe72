import { type Config, formatAzLine, formatKeyFile, formatScriptLine } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import { type Context, differing } from '../../tasks/task.ts'
import { getMessage, unknownError, usageError } from '../../util/errors.ts'
import { az } from '../cli.ts'
import { apiVersion, judgeOffer } from './postgresOffer.ts'
import {
  type ArmLocation,
  type Correction,
  type DataTierResource,
  hoursPerMonth,
  type Meter,
  type PricedPart,
  type Resource,
  resourceId,
  sharedApiVersion,
} from './resource.ts'

/** The PostgreSQL server, with one of its parameters, one of its firewall rules and the application's database. */
export interface DatabaseServer extends Resource {
  /** `require_secure_transport` as ARM shows it, on or off; undefined when it could not be read. */
  secureTransport?: string | undefined
  /** The address that the rule `operator` admits; null without that rule, undefined when it could not be read. */
  operatorAddress?: string | null | undefined
  /** Whether it has the application's database; undefined when that could not be read. */
  hasDatabase?: boolean | undefined
}

const path = ({ postgres }: Config): string => `Microsoft.DBforPostgreSQL/flexibleServers/${postgres.server}`

export const secureTransport: ArmLocation = {
  apiVersion,
  path: (config) => `${path(config)}/configurations/require_secure_transport`,
}
/** The firewall rule that admits the operator's machine. */
export const operatorRule: ArmLocation = {
  apiVersion,
  path: (config) => `${path(config)}/firewallRules/operator`,
}
/** The application's database. */
export const applicationDatabase: ArmLocation = {
  apiVersion,
  path: (config) => `${path(config)}/databases/${config.postgres.database}`,
}
const children = [secureTransport, operatorRule, applicationDatabase]

/** @param found the children, in their order: null = absent, undefined = could not be read */
function combine(server: Resource, found: readonly (Resource | null | undefined)[]): DatabaseServer {
  const [transport, rule, database] = found
  return {
    ...server,
    secureTransport: transport?.properties.value as string | undefined,
    operatorAddress: rule ? (rule.properties.startIpAddress as string) : rule,
    hasDatabase: database === undefined ? undefined : database !== null,
  }
}

/** Whether the configuration asks for a newer major version than the server's, which is an upgrade that Azure never undoes. */
export const isUpgrade = ({ postgres }: Config, found: DatabaseServer | undefined): boolean =>
  Number(postgres.version) > Number(found?.properties.version)

export const versionField = 'PostgreSQL version'

const getStorageGb = ({ properties }: DatabaseServer): number | undefined => {
  const storage = properties.storage as { storageSizeGB?: number; storageSizeGb?: number } | undefined
  return storage?.storageSizeGB ?? storage?.storageSizeGb
}

/** Throws (exit 2) for a smaller disk and for an older major version, which Azure refuses (sources in docs/azure.md). */
export function assertNoStepBack({ postgres }: Config, found: DatabaseServer | undefined): void {
  if (!found) return
  const refuse = (key: 'POSTGRES_STORAGE_GB' | 'POSTGRES_VERSION', what: string, least: unknown) =>
    usageError(what, `Set ${key}=${String(least)} in ${formatKeyFile(key)}, or higher.`)
  const { server, storageGb, version } = postgres
  const hasGb = getStorageGb(found) ?? 0
  if (storageGb < hasGb) {
    const what = `The disk of PostgreSQL ${server} has ${hasGb} GB, and Azure cannot reduce it to ${storageGb} GB`
    throw refuse('POSTGRES_STORAGE_GB', what, hasGb)
  }
  const has = found.properties.version
  if (Number(version) < Number(has)) {
    const what = `PostgreSQL ${server} has version ${String(has)}, and Azure cannot go back to ${version}`
    throw refuse('POSTGRES_VERSION', what, has)
  }
}

/** ARM's tier of a size: `Standard_B1ms` is Burstable, `Standard_D2ds_v5` and `Standard_E2ds_v5` are not. */
export function getTier(sku: string): 'Burstable' | 'GeneralPurpose' | 'MemoryOptimized' {
  if (sku.startsWith('Standard_D')) return 'GeneralPurpose'
  return sku.startsWith('Standard_E') ? 'MemoryOptimized' : 'Burstable'
}

/**
 * The states in which the server cannot be used (KnownServerState of @azure/arm-postgresql-flexible). All others end by
 * themselves or when the server is started. No state says that a server was never ready, so it never counts as empty: when
 * a subscription has no credit left, for example, its servers become Disabled, but keep their data.
 */
const unusable: Readonly<Record<string, { why: string; next(): string }>> = {
  dropping: {
    why: 'Azure is deleting it',
    next: () =>
      `Wait until it is gone. Its name may stay reserved for days; set POSTGRES_SERVER in ${formatKeyFile('POSTGRES_SERVER')} to another one if you cannot wait.`,
  },
  disabled: {
    why: 'its subscription is disabled, has reached its spending limit or has an unpaid bill, or it is being moved; its data is kept',
    next: () => 'Resolve this in the Azure portal (Subscriptions), then run this command again.',
  },
  inaccessible: {
    why: 'the key that encrypts its data cannot be used',
    next: () =>
      'Restore the key and access to it (Azure portal, the Data encryption page of the server), then run this command again.',
  },
}

/** No documented state says that creation failed; this is what other services call it. */
const failedState = /(?:failed|canceled)$/i

export const postgres: DataTierResource<DatabaseServer> = {
  provider: 'Microsoft.DBforPostgreSQL',
  type: 'flexibleServers',
  permissions: [
    'Microsoft.DBforPostgreSQL/flexibleServers/read',
    'Microsoft.DBforPostgreSQL/flexibleServers/write',
    'Microsoft.DBforPostgreSQL/flexibleServers/configurations/read',
    'Microsoft.DBforPostgreSQL/flexibleServers/configurations/write',
    'Microsoft.DBforPostgreSQL/flexibleServers/databases/read',
    'Microsoft.DBforPostgreSQL/flexibleServers/databases/write',
    'Microsoft.DBforPostgreSQL/flexibleServers/firewallRules/read',
    'Microsoft.DBforPostgreSQL/flexibleServers/firewallRules/write',
  ],
  title: 'PostgreSQL server',
  shared: [
    {
      kind: 'postgres',
      keys: ['POSTGRES_SERVER'],
      describe: ({ postgres }) => `PostgreSQL server ${postgres.server}`,
      sameWhen: 'the server has the same name',
      isSame: ({ postgres: own }, { postgres: its }) => own.server === its.server,
    },
    {
      kind: 'database',
      keys: ['POSTGRES_DATABASE'],
      describe: ({ postgres }) => `database ${postgres.database} on it`,
      sameWhen: 'the same database on the same server',
      isSame: ({ postgres: own }, { postgres: its }) =>
        own.server === its.server && own.database === its.database,
    },
  ],
  loss: {
    title: 'Database',
    describe: ({ postgres }) =>
      `${postgres.server} with every row and its own backups; its name may stay reserved for days`,
  },
  nameStaysTaken: true,
  name: (config) => config.postgres.server,
  keys: { name: 'POSTGRES_SERVER', location: 'POSTGRES_LOCATION' },
  location: ({ postgres }) => postgres.location,
  checksName: true,
  judgeRegion: judgeOffer,
  describe: (config) => `PostgreSQL ${config.postgres.server} (${config.postgres.sku})`,
  apiVersion,
  sharedApiVersion,
  path,
  children,
  combine: ([server, ...found]) => combine(server, found),
  // The parameters of a stopped server may be unavailable. It still exists, so it does not count as incomplete.
  async complete(server, show) {
    const read = (child: ArmLocation) =>
      show(child).then(
        (found) => found ?? null,
        () => undefined,
      )
    return combine(server, await Promise.all(children.map(read)))
  },
  findFault(config, { properties }, subscription) {
    const { server } = config.postgres
    const state = String(properties.state ?? properties.provisioningState ?? '')
    const known = unusable[state.toLowerCase()]
    const what = `PostgreSQL ${server} is in the state ${state}`
    if (known) return { what: `${what}: ${known.why}`, next: known.next(), empty: false }
    if (!failedState.test(state)) return undefined
    const id = resourceId(config, subscription, postgres)
    const shown = ['databases', 'backups'].map((child) =>
      formatAzLine(
        `az rest --method get --url https://management.azure.com${id}/${child}?api-version=${apiVersion}`,
      ),
    )
    const remove = formatAzLine(`az resource delete --ids ${id} --api-version ${apiVersion}`)
    return {
      what,
      next: `Look whether it holds anything: ${shown.join('   ')}   If there is no backup, and no database but Azure’s own (postgres, azure_maintenance, azure_sys), delete it: ${remove}   Then: ${formatScriptLine('provision')}. Azure may keep its name for days; if so, set POSTGRES_SERVER in ${formatKeyFile('POSTGRES_SERVER')} to another one.`,
      empty: false,
    }
  },
  getMissingChild({ postgres }, { hasDatabase, operatorAddress }) {
    const missing = [
      ...(hasDatabase === false ? [`the empty database ${postgres.database}`] : []),
      ...(operatorAddress === null ? ['the firewall rule operator'] : []),
    ]
    return missing.length > 0 ? `${missing.join(' and ')} of PostgreSQL ${postgres.server}` : undefined
  },
  getParameters: ({ postgres }) => ({
    postgresLocation: postgres.location,
    postgresServer: postgres.server,
    postgresDatabase: postgres.database,
    postgresUser: postgres.user,
    postgresSku: postgres.sku,
    postgresTier: getTier(postgres.sku),
    postgresVersion: postgres.version,
    postgresStorageGb: postgres.storageGb,
    postgresBackupDays: postgres.backupDays,
  }),
  lastOperation: /^Microsoft\.DBforPostgreSQL\/flexibleServers\/firewallRules \S*\boperator$/i,
  getDrift({ postgres }, server) {
    const { sku, properties } = server
    const backup = properties.backup as { backupRetentionDays?: number } | undefined
    return differing(
      ['PostgreSQL size', sku?.name, postgres.sku],
      [versionField, properties.version, postgres.version],
      ['PostgreSQL storage (GB)', getStorageGb(server), postgres.storageGb],
      ['PostgreSQL backup (days)', backup?.backupRetentionDays, postgres.backupDays],
    )
  },
  getResets({ properties }) {
    const availability = properties.highAvailability as { mode?: string } | undefined
    return differing(['PostgreSQL high availability', availability?.mode ?? 'Disabled', 'Disabled'])
  },
  getCorrections(config, { secureTransport: transport, operatorAddress: admitted }, subscription, address) {
    const result: Correction[] = []
    if (transport?.toLowerCase() === 'off')
      result.push({
        what: 'make PostgreSQL accept only TLS',
        field: { name: 'PostgreSQL require_secure_transport', before: 'off', after: 'on' },
        command: requireSecureTransport(config, subscription),
      })
    // Without the rule, the deployment creates it.
    if (typeof admitted === 'string' && admitted !== address)
      result.push({
        what: `admit this machine (${address}) to PostgreSQL`,
        field: { name: 'operator address', before: admitted, after: address },
        command: admitOperator(config, subscription, address),
        deployed: true,
      })
    return result
  },
  getPricedParts({ postgres }): PricedPart[] {
    const { storageGb } = postgres
    const compute = getComputeMeter(postgres.sku)
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

const bundledPrices: Record<string, number> = {
  Standard_B1ms: 0.017,
  Standard_B2s: 0.068,
  Standard_D2ds_v5: 0.178,
}

/** `Standard_D2ds_v5` is priced as 2 vCores of the series Ddsv5; a Burstable size has a meter of the same name. */
function getComputeMeter(sku: string): Meter {
  const server = `${service} Flexible Server`
  const common = { service, unit: '1 Hour', bundledPrice: bundledPrices[sku] }
  const [, family = '', cores, kind = '', version] = /^Standard_([DE])(\d+)([a-z]*)_(v\d)$/.exec(sku) ?? []
  if (!family) {
    const size = sku.replace(/^Standard_/, '')
    const products = [`${server} Burstable BS Series Compute`]
    return { ...common, products, sku: size, meter: size }
  }
  const tier = family === 'D' ? 'General Purpose' : 'Memory Optimized'
  const products = ['', '- '].map(
    (dash) => `${server} ${tier} ${dash}${family}${kind}${version} Series Compute`,
  )
  return { ...common, products, sku: `${cores} vCore`, meter: 'vCore' }
}

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
  bundledPrice: 0.115,
}

export const databaseHost = ({ postgres }: Config): string => `${postgres.server}.postgres.database.azure.com`

/** Makes the server accept only TLS connections; returns when ARM has finished. */
const requireSecureTransport = (config: Config, subscription: string): Command =>
  az.change`
    resource update --ids ${resourceId(config, subscription, secureTransport)} --api-version ${apiVersion}
      --set properties.value=on --set properties.source=user-override`

/** Changes the address of an existing rule; returns when ARM has finished. */
const admitOperator = (config: Config, subscription: string, address: string): Command =>
  az.change`
    resource update --ids ${resourceId(config, subscription, operatorRule)} --api-version ${apiVersion}
      --set properties.startIpAddress=${address} --set properties.endIpAddress=${address}`

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
