import { findRedisFault } from '../../azure/resources/redis.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import { type Check, fail, pass, warn } from '../check.ts'

/** A Redis that failed looks like a healthy one in the portal's list, and one with another policy takes no jobs. */
export const redisState: Check = {
  id: 'redis-state',
  title: 'Redis',
  tags: ['doctor', 'data-tier'],
  needs: 'az',
  advice: 'Create it again.',
  async run({ context: { config }, azure }) {
    const { kind, name } = config.redis
    const { redis } = await azure.dataTier()
    if (!redis) return pass(`${name} is not there yet`)
    const fault = findRedisFault(config, redis, (await azure.account()).id)
    if (fault) return fail(fault.what, fault.next)
    const state = String(redis.properties.provisioningState)
    if (kind === 'managed' && !redis.database)
      return warn(`${name} is ${state} and has no database yet`, formatScriptLine('provision'))
    const policy = redis.database?.properties.clusteringPolicy
    return pass(`${name} is ${state}${policy ? `, clustering policy ${String(policy)}` : ''}`)
  },
}
