import type { Command } from '../shell/command.ts'
import type { Context } from '../tasks/context.ts'
import { ok, type Task } from '../tasks/task.ts'
import { az } from './cli.ts'
import { type Azure, apiVersions, type ResourceType, resourceId, subscriptionFlag } from './client.ts'
import { deleteGroup } from './containers/actions.ts'
import { isOwnGroup } from './containers/spec.ts'

/** `az resource delete`: returns when ARM says that it is gone. */
export const deleteResource = (id: string, apiVersion: string): Command =>
  az.change({ timeoutMs: 60 * 60_000 })`resource delete --ids ${id} --api-version ${apiVersion}`

/**
 * Deletes what a deploy made in the resource group, containers first. The group itself and whatever else lies in it stay:
 * an empty one costs nothing.
 * @param before steps that must be done first
 */
export function removeAzureTasks(context: Context, azure: Azure, before: readonly string[]): Task[] {
  const { config } = context
  const redisType = config.redis.kind === 'managed' ? 'managedRedis' : 'classicRedis'
  const containers: Task = {
    id: 'remove-containers',
    title: 'Containers',
    part: 'azure',
    after: before,
    async inspect() {
      const names = await ownGroups(azure)
      if (names.length === 0) return ok('none are there')
      const subscription = subscriptionFlag(await azure.account())
      const effects = names.map((name) => deleteGroup(config, name, subscription))
      return { state: 'change', what: `delete ${names.join(', ')}`, effects }
    },
  }
  const resource = (
    id: string,
    title: string,
    name: string,
    type: ResourceType,
    read: () => Promise<unknown>,
  ): Task => ({
    id,
    title,
    part: 'azure',
    after: ['remove-containers'],
    async inspect() {
      if ((await read()) === undefined) return ok('it is not there')
      const { id: subscription } = await azure.account()
      const effects = [deleteResource(resourceId(config, subscription, type), apiVersions[type])]
      return { state: 'change', what: `delete ${name}`, effects }
    },
  })
  const { registry, redis, postgres } = { registry: config.azure.registry, ...config }
  return [
    containers,
    resource('remove-redis', 'Redis', redis.name, redisType, azure.redis),
    resource('remove-database', 'PostgreSQL server', postgres.server, 'database', azure.database),
    resource('remove-registry', 'Container registry', registry, 'registry', azure.registry),
  ]
}

/** Container groups that deploys made, by their names. */
export async function ownGroups(azure: Azure): Promise<string[]> {
  return (await azure.groups()).map(({ name }) => name).filter(isOwnGroup)
}
