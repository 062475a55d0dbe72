import type { Config } from '../config/config.ts'
import { formatAzLine, formatScriptLine } from '../config/pasteLine.ts'
import { apiVersions, type Redis, type Resource, type ResourceType, resourceId } from './client.ts'
import { groupNames, workerNames } from './containers/spec.ts'

/** Why an existing Redis cannot be used, and what to do. */
export interface RedisFault {
  what: string
  next: string
  /** It holds nothing, so a run may delete it. */
  empty: boolean
}

/** The only policy under which RQ's transactions work; the template asks for it. */
export const clusteringPolicy = 'NoCluster'

/**
 * What is wrong with this Redis; undefined when nothing is.
 * States: ProvisioningState and ResourceState of the API redisEnterprise 2025-07-01. A cluster that found no capacity
 * stays behind as CreateFailed, and Azure answers the next creation with Conflict (microsoft/aspire#19174).
 */
export function findRedisFault(config: Config, redis: Redis, subscription: string): RedisFault | undefined {
  const { kind, name } = config.redis
  const provision = formatScriptLine('provision')
  const state = getFailedState(redis)
  if (state && kind === 'managed' && !redis.database)
    return {
      what: `Redis ${name} is in the state ${state} and has no database`,
      next: `${provision}   (it deletes this Redis, which holds nothing, and creates it again)`,
      empty: true,
    }
  const below = redis.database && getFailedState(redis.database)
  if (state || below) {
    const type = kind === 'classic' ? 'classicRedis' : state ? 'managedRedis' : 'managedRedisDatabase'
    return {
      what: state
        ? `Redis ${name} is in the state ${state}`
        : `The database of Redis ${name} is in the state ${below}`,
      next: `Look at it in the Azure portal first. ${describeNewStart(config, subscription, type)}`,
      empty: false,
    }
  }
  const policy = redis.database?.properties.clusteringPolicy
  if (policy === undefined || policy === clusteringPolicy) return undefined
  return {
    what: `Redis ${name} has the clustering policy ${String(policy)}, under which RQ fails with CROSSSLOT; Azure cannot change it to ${clusteringPolicy}`,
    next: `${describeNewStart(config, subscription, 'managedRedisDatabase')}   Or set REDIS_NAME to a new name, deploy, and delete the old Redis afterwards.`,
    empty: false,
  }
}

/** A state that ARM calls failed, such as `Failed (CreateFailed)`; undefined for every other. */
function getFailedState({ properties }: Resource): string | undefined {
  const { provisioningState, resourceState } = properties
  const states = [...new Set([provisioningState, resourceState].map((each) => String(each ?? '')))]
  if (!states.some((each) => /(Failed|Canceled)$/.test(each))) return undefined
  const [first = '', second] = states.filter(Boolean)
  return second ? `${first} (${second})` : first
}

/**
 * The lines that replace this Redis. The containers go with it: they hold the old key, and a deploy cannot see that,
 * because Azure gives no secure value back.
 */
function describeNewStart(config: Config, subscription: string, type: ResourceType): string {
  const redis = `az resource delete --ids ${resourceId(config, subscription, type)} --api-version ${apiVersions[type]}`
  const containers = [groupNames.backend, ...workerNames(config)].map(
    (name) =>
      `az container delete --resource-group ${config.azure.resourceGroup} --name ${name} --subscription ${subscription} --yes`,
  )
  const what = type === 'managedRedisDatabase' ? 'its database' : 'it'
  return `When no job in its queue is needed, delete ${what}, and the containers, which hold the old key: ${[redis, ...containers].map((line) => formatAzLine(line)).join('   ')}   Then: ${formatScriptLine('deploy-complete')}`
}
