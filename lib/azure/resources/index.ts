import type { Config } from '../../config/config.ts'
import { containerGroups } from './containerGroups.ts'
import { postgres } from './postgres.ts'
import { redisFor } from './redis.ts'
import { registry } from './registry.ts'
import type { AzureResource, DataTierResource } from './resource.ts'

/** The resources of infra/data-tier.json, in the order in which a deploy shows them. A new one is added here. */
const getParts = (config: Config) => ({ registry, database: postgres, redis: redisFor(config) })

type Resources = ReturnType<typeof getParts>

/** The name of a part of the data tier: the id of its task. */
export type PartId = keyof Resources

/** The existing parts of the data tier; undefined means absent. */
export type DataTier = { [Id in PartId]?: ReturnType<Resources[Id]['combine']> | undefined }

/** A resource under the name of its part. */
export type Part = { id: PartId } & DataTierResource

export const getDataTier = (config: Config): Part[] =>
  (Object.entries(getParts(config)) as [PartId, DataTierResource][]).map(([id, resource]) => ({
    id,
    ...resource,
  }))

/** Every Azure resource of the system. */
export const getResources = (config: Config): AzureResource[] => [...getDataTier(config), containerGroups]
