import { type Config, formatAzLine, formatKeyFile, formatScriptLine } from '../../config/config.ts'
import type { ShareRule } from '../../config/environments.ts'
import { type Context, differing } from '../../tasks/task.ts'
import { az } from '../cli.ts'
import type { Login } from '../client.ts'
import { getWantedNames } from './containerGroups.ts'
import {
  type ArmLocation,
  type DataTierResource,
  type Fault,
  hoursPerMonth,
  isSameGroup,
  type PricedPart,
  type Resource,
  resourceId,
} from './resource.ts'

/** A Redis resource; a managed one includes its database, once it has one. */
export interface Redis extends Resource {
  database?: Resource | undefined
}

const shared: ShareRule = {
  kind: 'redis',
  keys: ['REDIS_NAME'],
  describe: ({ redis }) => `Redis ${redis.name}`,
  sameWhen: 'name, kind and region are the same',
  isSame: sharesRedis,
}

/** The host name of a managed Redis contains its region; that of a classic one does not. */
function sharesRedis(config: Config, other: Config): boolean {
  const [own, its] = [config.redis, other.redis]
  if (own.name !== its.name) return false
  const sameHost = own.kind === its.kind && (own.kind === 'classic' || own.location === its.location)
  return sameHost || isSameGroup(config, other)
}

const common = {
  provider: 'Microsoft.Cache',
  title: 'Redis',
  shared: [shared],
  loss: {
    title: 'Redis',
    describe: ({ redis }: Config) => `${redis.name} with its queue`,
  },
  name: ({ redis }: Config) => redis.name,
  keys: { name: 'REDIS_NAME', location: 'REDIS_LOCATION' },
  location: ({ redis }: Config) => redis.location,
  describe: ({ redis }: Config) => `Redis ${redis.name} (${redis.sku})`,
  unforeseeable: () => 'whether Azure has capacity for Redis',
} as const

const getCommonParameters = ({ redis: { location, kind, name, sku } }: Config) => ({
  redisLocation: location,
  redisKind: kind,
  redisName: name,
  redisSku: sku,
})

/** The only policy with which RQ's transactions work; the template requests it. */
export const clusteringPolicy = 'NoCluster'

export const managedDatabase: ArmLocation = {
  apiVersion: '2025-07-01',
  path: ({ redis }) => `Microsoft.Cache/redisEnterprise/${redis.name}/databases/default`,
}

/** Azure Managed Redis: a cluster with one database. */
export const managedRedis: DataTierResource<Redis> = {
  ...common,
  type: 'redisEnterprise',
  permissions: [
    'Microsoft.Cache/redisEnterprise/read',
    'Microsoft.Cache/redisEnterprise/write',
    'Microsoft.Cache/redisEnterprise/delete',
    'Microsoft.Cache/redisEnterprise/databases/read',
    'Microsoft.Cache/redisEnterprise/databases/write',
    'Microsoft.Cache/redisEnterprise/databases/listKeys/action',
  ],
  apiVersion: managedDatabase.apiVersion,
  path: ({ redis }) => `Microsoft.Cache/redisEnterprise/${redis.name}`,
  children: [managedDatabase],
  combine: ([cluster, database]) => (database ? { ...cluster, database } : cluster),
  // The database counts as absent only when Azure says so: a failed cluster without one is deleted.
  complete: async (cluster, show) => ({ ...cluster, database: await show(managedDatabase) }),
  getParameters: getCommonParameters,
  lastOperation: /^Microsoft\.Cache\/redisEnterprise\/databases /i,
  getDrift: ({ redis }, { sku }) => differing(['Redis size', sku?.name, redis.sku]),
  getResets: ({ properties }) =>
    differing(['Redis high availability', properties.highAvailability ?? 'Disabled', 'Disabled']),
  getMissingChild: ({ redis }, { database }) =>
    database ? undefined : `the database of Redis ${redis.name}`,
  // A cluster for which Azure found no capacity remains as CreateFailed, and Azure answers the next creation
  // with Conflict (microsoft/aspire#19174).
  findFault(config, cluster, subscription) {
    const { name } = config.redis
    const state = getFailedState(cluster)
    if (state && !cluster.database)
      return {
        what: `Redis ${name} is in the state ${state} and has no database`,
        next: `${formatScriptLine('provision')}   (it deletes this empty Redis and creates it again)`,
        empty: true,
      }
    if (state)
      return brokenRedis(config, subscription, managedRedis, `Redis ${name} is in the state ${state}`)
    if (!cluster.database) return undefined
    const below = getFailedState(cluster.database)
    if (below) {
      const what = `The database of Redis ${name} is in the state ${below}`
      return brokenRedis(config, subscription, managedDatabase, what)
    }
    const policy = cluster.database.properties.clusteringPolicy
    if (policy === undefined || policy === clusteringPolicy) return undefined
    return {
      what: `Redis ${name} has the clustering policy ${String(policy)}, under which RQ fails with CROSSSLOT; Azure cannot change it to ${clusteringPolicy}`,
      next: `${describeNewStart(config, subscription, managedDatabase)}   Or set REDIS_NAME in ${formatKeyFile('REDIS_NAME')} to a new name, deploy, and delete the old Redis afterwards.`,
      empty: false,
    }
  },
  // Billed by node; the template creates it without high availability, so there is one.
  getPricedParts({ redis }) {
    const [family = '', size = ''] = redis.sku.split('_')
    const product = `Azure Managed Redis - ${managedFamilies[family] ?? family}`
    return pricedAs(redis.sku, product, size, `${size} Cache Instance`)
  },
}

const managedFamilies: Record<string, string> = {
  Balanced: 'Balanced',
  MemoryOptimized: 'Memory Optimized',
  ComputeOptimized: 'Compute Optimized',
}

/** Azure Cache for Redis, which new tenants can no longer create. */
export const classicRedis: DataTierResource<Redis> = {
  ...common,
  type: 'Redis',
  permissions: [
    'Microsoft.Cache/redis/read',
    'Microsoft.Cache/redis/write',
    'Microsoft.Cache/redis/listKeys/action',
  ],
  apiVersion: '2024-03-01',
  path: ({ redis }) => `Microsoft.Cache/Redis/${redis.name}`,
  children: [],
  combine: ([found]) => found,
  getParameters(config) {
    const [, name, family, capacity] = /^(Basic|Standard)_([A-Z])([0-9])$/.exec(config.redis.sku) ?? []
    return {
      ...getCommonParameters(config),
      ...(name ? { classicFamilyAndCapacity: { name, family, capacity: Number(capacity) } } : {}),
    }
  },
  lastOperation: /^Microsoft\.Cache\/Redis /i,
  getDrift({ redis }, { properties }) {
    const sku = properties.sku as { name: string; family: string; capacity: number } | undefined
    const size = sku && `${sku.name}_${sku.family}${sku.capacity}`
    return differing(['Redis size', size, redis.sku])
  },
  // It never counts as empty: Azure does not show whether it contains data.
  findFault(config, found, subscription) {
    const state = getFailedState(found)
    if (!state) return undefined
    return brokenRedis(
      config,
      subscription,
      classicRedis,
      `Redis ${config.redis.name} is in the state ${state}`,
    )
  },
  // Above Basic, the list also has `C1 Cache Instance`, which is one of two nodes; `C1 Cache` is the whole
  // cache.
  getPricedParts({ redis }) {
    const [family = '', size = ''] = redis.sku.split('_')
    return pricedAs(redis.sku, `Azure Redis Cache ${family}`, size, `${size} Cache`)
  },
}

/** Finds out why this Redis cannot be used; undefined when it can. */
export const findRedisFault = (config: Config, redis: Redis, subscription: string): Fault | undefined =>
  redisFor(config).findFault?.(config, redis, subscription)

export const redisFor = ({ redis }: Config): DataTierResource<Redis> =>
  redis.kind === 'managed' ? managedRedis : classicRedis

const bundledPrices: Record<string, number> = {
  Balanced_B0: 0.016,
  Balanced_B1: 0.032,
  Balanced_B3: 0.065,
  Balanced_B5: 0.156,
  Basic_C0: 0.022,
}

function pricedAs(title: string, product: string, sku: string, name: string): PricedPart[] {
  const meter = {
    ...{ service: 'Redis Cache', products: [product], sku, meter: name, unit: '1 Hour' },
    bundledPrice: bundledPrices[title],
  }
  const quantities = [{ meter, quantity: hoursPerMonth, formula: `${hoursPerMonth} h` }]
  return [{ id: 'redis', title: `Redis ${title}`, quantities }]
}

export const redisAddress = ({ redis }: Config): { host: string; port: number } =>
  redis.kind === 'managed'
    ? { host: `${redis.name}.${redis.location}.redis.azure.net`, port: 10000 }
    : { host: `${redis.name}.redis.cache.windows.net`, port: 6380 }

/** Reads the key of Redis; kept out of the transcript. */
export async function readRedisKey({ config, runner }: Context, login: Login): Promise<string> {
  const { id } = await login.account()
  const location = config.redis.kind === 'managed' ? managedDatabase : classicRedis
  const url = `https://management.azure.com${resourceId(config, id, location)}/listKeys?api-version=${location.apiVersion}`
  const { stdout } = await runner.runPrivately(az({ accept: [0] })`rest --method post --url ${url}`)
  const { primaryKey } = JSON.parse(stdout) as { primaryKey: string }
  runner.secrets.add(primaryKey)
  return primaryKey
}

/**
 * A state that ARM considers failed, such as `Failed (CreateFailed)`; undefined for all others.
 * States: ProvisioningState and ResourceState of the API redisEnterprise 2025-07-01.
 */
function getFailedState({ properties }: Resource): string | undefined {
  const { provisioningState, resourceState } = properties
  const states = [...new Set([provisioningState, resourceState].map((each) => String(each ?? '')))]
  if (!states.some((each) => /(Failed|Canceled)$/.test(each))) return undefined
  const [first = '', second] = states.filter(Boolean)
  return second ? `${first} (${second})` : first
}

const brokenRedis = (config: Config, subscription: string, location: ArmLocation, what: string): Fault => ({
  what,
  next: `Inspect it in the Azure portal first. ${describeNewStart(config, subscription, location)}`,
  empty: false,
})

/**
 * The commands that replace this Redis. They also delete the containers, which hold the old key; a deploy cannot see
 * that, because Azure returns no secure values.
 */
function describeNewStart(config: Config, subscription: string, location: ArmLocation): string {
  const id = resourceId(config, subscription, location)
  const lines = [
    formatAzLine(`az resource delete --ids ${id} --api-version ${location.apiVersion}`),
    ...getWantedNames(config).map((name) =>
      formatAzLine(`az container delete --resource-group ${config.azure.resourceGroup} --name ${name} --yes`),
    ),
  ]
  const what = location === managedDatabase ? 'its database' : 'it'
  return `If you do not need the jobs in its queue, delete ${what} and the containers, which hold the old key: ${lines.join('   ')}   Then: ${formatScriptLine('deploy-complete')}`
}
