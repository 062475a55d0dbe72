import { words } from '../catalogue.ts'
import { refuse } from '../errors.ts'
import { applyRedisCapacity } from '../faults.ts'
import type { Bag } from '../json.ts'
import { checkGlobalName, gigabyte, keyActions, type RedisServer, startRedis } from '../redisServer.ts'
import { getLastName, getParent, listChildren } from '../resources.ts'
import sizes from '../sizes.json' with { type: 'json' }
import type { Request, ResourceType } from '../types.ts'
import type { Resource } from '../world.ts'

/**
 * Approximate GB by SKU: the name of a size is what a client can use of it. The SKUs are those of `SkuName` in the API
 * redisEnterprise 2025-07-01.
 */
const managedSizes: Record<string, number> = sizes.redis

/**
 * A cluster accepts one change at a time, to itself or to its database; parallel ones fail (Azure/azure-dev#6640).
 * Refusing the second at once, in the words of another conflict, is stricter than Azure may be.
 */
function checkClusterFree({ world, address }: Request, cluster: Resource | undefined): void {
  if (!cluster) return
  const working = [cluster, ...listChildren(world, cluster)].some(
    ({ id, state }) => id !== address.id && ['Creating', 'Updating', 'Deleting'].includes(state),
  )
  if (working) throw refuse('redisConflict')
}

/** Throws for the first property whose value is not one of the possible ones; a missing property passes. */
function checkValues(properties: Bag, possible: Record<string, unknown[]>): void {
  for (const [key, values] of Object.entries(possible))
    if (properties[key] !== undefined && !values.includes(properties[key]))
      throw refuse('redisProperty', { key, value: properties[key], known: values.join(', ') })
}

const managedHost = (resource: Resource): string =>
  `${resource.name}.${resource.wanted.location}.redis.azure.net`.toLowerCase()

/** Microsoft.Cache/redisEnterprise: Azure Managed Redis. The server starts with its database. */
const clusters: ResourceType = {
  type: 'Microsoft.Cache/redisEnterprise',
  models: { module: 'redisenterprise', resource: 'Cluster', patch: 'ClusterUpdate', list: 'ClusterList' },
  usualSeconds: 420,
  needsLocation: true,
  createdStatus: 201,
  transitioning: () => refuse('redisConflict'),
  check(request) {
    const { world, wanted, existing } = request
    checkGlobalName(request, 60)
    if (world.faults.has('managed-redis-refused')) throw refuse('managedRedisRefused')
    // The leftover of a failed creation blocks the name until it is deleted: microsoft/aspire#19174,
    // Azure-Samples/ai-hub-gateway-solution-accelerator#108.
    if (existing?.runtime.createFailed) throw refuse('redisConflict')
    checkClusterFree(request, existing)
    wanted.sku ??= existing?.wanted.sku
    if (!managedSizes[wanted.sku?.name])
      throw refuse('redisSku', { sku: wanted.sku?.name, known: Object.keys(managedSizes).join(', ') })
    const defaults = { highAvailability: 'Enabled', minimumTlsVersion: '1.2' }
    wanted.properties = { ...existing?.wanted.properties, ...defaults, ...wanted.properties }
    const either = ['Enabled', 'Disabled']
    checkValues(wanted.properties, {
      minimumTlsVersion: ['1.2'],
      publicNetworkAccess: either,
      highAvailability: either,
    })
  },
  async apply(world, resource, before) {
    const { location, sku } = resource.wanted
    if (before && before.sku.name === sku.name) return
    resource.runtime.createFailed = !before
    applyRedisCapacity(world, location)
    resource.runtime.createFailed = false
  },
  show: (_world, resource) => ({
    sku: resource.wanted.sku,
    kind: 'v2',
    properties: {
      ...resource.wanted.properties,
      hostName: managedHost(resource),
      provisioningState: resource.state,
      resourceState: clusterState(resource),
      redisVersion: '7.4',
      redundancyMode: resource.wanted.properties.highAvailability === 'Disabled' ? 'None' : 'ZR',
    },
  }),
}

/** ResourceState of the API redisEnterprise 2025-07-01. */
function clusterState({ state, runtime }: Resource): string {
  if (state === 'Succeeded') return 'Running'
  if (state === 'Failed') return runtime.createFailed ? 'CreateFailed' : 'UpdateFailed'
  return state
}

/** The eviction policies in ARM's spelling. */
const evictionPolicies = words(`
  NoEviction AllKeysLFU AllKeysLRU AllKeysRandom VolatileLFU VolatileLRU VolatileTTL VolatileRandom`)

/** The same in the spelling of Redis, such as `allkeys-lru`. */
const getEviction = (policy: string): string => policy.replace(/^(AllKeys|Volatile)/, '$1-').toLowerCase()

const clusterDatabases: ResourceType = {
  type: 'Microsoft.Cache/redisEnterprise/databases',
  models: {
    module: 'redisenterprise',
    resource: 'Database',
    patch: 'DatabaseUpdate',
    list: 'DatabaseList',
    paths: {
      'POST listkeys': { answer: 'AccessKeys' },
      'POST regeneratekey': { request: 'RegenerateKeyParameters', answer: 'AccessKeys' },
    },
  },
  usualSeconds: 60,
  needsLocation: false,
  createdStatus: 201,
  transitioning: () => refuse('redisConflict'),
  // Seen as 501 although the API has it: Azure/azure-powershell#30045, Azure/azure-sdk-for-python#46142.
  patchRefusal: () => refuse('redisPatch'),
  check(request) {
    const { world, address, wanted, existing } = request
    if (getLastName(address) !== 'default') throw refuse('redisDatabaseName')
    checkClusterFree(request, getParent(world, address))
    const before = existing?.wanted.properties
    const now: Bag = {
      clientProtocol: 'Encrypted',
      port: 10000,
      clusteringPolicy: 'OSSCluster',
      evictionPolicy: 'VolatileLRU',
      // Off unless requested: new caches expect Entra ID.
      // https://learn.microsoft.com/azure/redis/entra-for-authentication
      accessKeysAuthentication: 'Disabled',
      ...before,
      ...wanted.properties,
    }
    checkValues(now, {
      ...{ clientProtocol: ['Encrypted'], port: [10000], evictionPolicy: evictionPolicies },
      clusteringPolicy: ['OSSCluster', 'EnterpriseCluster', 'NoCluster'],
      accessKeysAuthentication: ['Enabled', 'Disabled'],
    })
    // "Can be updated only if the current value is NoCluster": ClusteringPolicy in the API redisEnterprise 2025-07-01.
    const policy = before?.clusteringPolicy
    if (policy && policy !== 'NoCluster' && policy !== now.clusteringPolicy)
      throw refuse('clusteringPolicyFixed')
    for (const key of ['port', 'clientProtocol'])
      if (before && before[key] !== now[key]) throw refuse('redisPropertyFixed', { key })
    wanted.properties = now
  },
  async apply(world, resource, before) {
    const cluster = getParent(world, resource)!
    const { accessKeysAuthentication, clusteringPolicy } = resource.wanted.properties
    const evictionPolicy = getEviction(resource.wanted.properties.evictionPolicy)
    const keysAllowed = accessKeysAuthentication === 'Enabled'
    const existing: RedisServer | undefined = resource.runtime.server
    // In place, and with its data, as long as the clustering policy stays.
    if (existing && before?.properties.clusteringPolicy === clusteringPolicy)
      return existing.change({ evictionPolicy, keysAllowed })
    await existing?.remove()
    resource.runtime.server = await startRedis(world, {
      name: cluster.name,
      host: managedHost(cluster),
      port: 10000,
      memory: managedSizes[cluster.wanted.sku.name]! * gigabyte,
      evictionPolicy,
      keysAllowed,
      clustered: clusteringPolicy !== 'NoCluster',
    })
  },
  show: (_world, resource) => ({
    properties: {
      ...resource.wanted.properties,
      provisioningState: resource.state,
      resourceState: redisRunning(resource),
      redisVersion: '7.4',
    },
  }),
  remove: async (_world, resource) => resource.runtime.server?.remove(),
  actions: keyActions(requireKeys),
}

const redisRunning = (resource: Resource): string => {
  if (resource.state !== 'Succeeded') return resource.state
  return resource.runtime.server?.running() ? 'Running' : 'Disabled'
}

function requireKeys(resource: Resource): void {
  if (resource.wanted.properties.accessKeysAuthentication !== 'Enabled') throw refuse('redisKeysDisabled')
}

export const resourceTypes = [clusters, clusterDatabases]
