import { formatKeyFile } from '../../config/pasteLine.ts'
import { type Check, pass } from '../check.ts'
import { judgeEndOfLife } from '../endOfLife.ts'

/** Azure's announcement: Basic, Standard and Premium end on 2028-09-30; new tenants cannot create one already. */
export const redisRetirement: Check = {
  id: 'redis-retirement',
  title: 'Sort of Redis',
  tags: ['doctor', 'retirement'],
  needs: 'nothing',
  advice: () =>
    `Set REDIS_KIND=managed and REDIS_SKU=Balanced_B0 in ${formatKeyFile('REDIS_KIND', 'REDIS_SKU', 'REDIS_NAME')}, with another REDIS_NAME, then deploy.`,
  async run({ context, now }) {
    if (context.config.redis.kind === 'managed') return pass('Azure Managed Redis')
    return judgeEndOfLife('Azure Cache for Redis', '2028-09-30', now)
  },
}
