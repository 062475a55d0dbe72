import { containerGroups } from './containers.ts'
import { postgresTypes } from './postgres.ts'
import { redisTypes } from './redis.ts'
import { registries } from './registry.ts'
import type { ResourceType } from './types.ts'

/** Every resource type the rehearsal's Azure has. */
export const resourceTypes: ResourceType[] = [...postgresTypes, ...redisTypes, registries, containerGroups]
