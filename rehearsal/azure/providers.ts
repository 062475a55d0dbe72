import { readdirSync } from 'node:fs'
import path from 'node:path'
import type { ResourceType } from './types.ts'

interface Provider {
  resourceTypes: ResourceType[]
}

const names = readdirSync(path.join(import.meta.dirname, 'providers'))
  .sort()
  .map((file) => path.basename(file, '.ts'))
const providers: Provider[] = await Promise.all(names.map((name) => import(`./providers/${name}.ts`)))

/** Every resource type that the rehearsal's Azure has: those of each file in the folder providers. */
export const resourceTypes: ResourceType[] = providers.flatMap((provider) => provider.resourceTypes)
