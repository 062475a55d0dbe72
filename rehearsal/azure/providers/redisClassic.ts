import { refuse } from '../errors.ts'
import { checkGlobalName, gigabyte, keyActions, startRedis } from '../redisServer.ts'
import type { ResourceType } from '../types.ts'

const classicSizes: Record<string, number[]> = {
  C: [0.25, 1, 2.5, 6, 13, 26, 53],
  P: [6, 13, 26, 53, 120],
}

/** Microsoft.Cache/redis: the retiring Azure Cache for Redis. */
const classic: ResourceType = {
  type: 'Microsoft.Cache/redis',
  models: {
    module: 'redis',
    create: 'RedisCreateParameters',
    patch: 'RedisUpdateParameters',
    resource: 'RedisResource',
    list: 'RedisListResult',
    paths: {
      'POST listkeys': { answer: 'RedisAccessKeys' },
      'POST regeneratekey': { request: 'RedisRegenerateKeyParameters', answer: 'RedisAccessKeys' },
    },
  },
  usualSeconds: 1000,
  needsLocation: true,
  createdStatus: 201,
  check(request) {
    const { world, wanted, existing } = request
    checkGlobalName(request, 63)
    if (!existing && world.faults.has('classic-redis-retired')) throw refuse('classicRedisRetired')
    wanted.properties = { ...existing?.wanted.properties, ...wanted.properties }
    const sku = wanted.properties.sku
    const families: Record<string, string> = { Basic: 'C', Standard: 'C', Premium: 'P' }
    if (!sku || families[sku.name] !== sku.family || classicSizes[sku.family]?.[sku.capacity] === undefined)
      throw refuse('classicSku')
    if (wanted.properties.enableNonSslPort) throw refuse('classicWithoutTls')
  },
  async apply(world, resource) {
    if (resource.runtime.server) return
    const { sku, redisConfiguration } = resource.wanted.properties
    resource.runtime.server = await startRedis(world, {
      name: resource.name,
      host: `${resource.name}.redis.cache.windows.net`.toLowerCase(),
      port: 6380,
      memory: classicSizes[sku.family]![sku.capacity]! * gigabyte,
      evictionPolicy: redisConfiguration?.['maxmemory-policy'] ?? 'volatile-lru',
      keysAllowed: true,
      clustered: false,
    })
  },
  show: (_world, resource) => ({
    properties: {
      enableNonSslPort: false,
      minimumTlsVersion: '1.2',
      publicNetworkAccess: 'Enabled',
      ...resource.wanted.properties,
      hostName: `${resource.name}.redis.cache.windows.net`.toLowerCase(),
      port: 6379,
      sslPort: 6380,
      redisVersion: '6.0',
      provisioningState: resource.state,
      accessKeys: null,
      linkedServers: [],
      instances: [{ sslPort: 15000, isMaster: true, isPrimary: true }],
    },
  }),
  remove: async (_world, resource) => resource.runtime.server?.remove(),
  actions: keyActions(),
}

export const resourceTypes = [classic]
