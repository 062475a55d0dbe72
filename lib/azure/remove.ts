import type { Config } from '../config/config.ts'
import type { ShareKind } from '../config/schema.ts'
import type { Command } from '../shell/command.ts'
import { type Context, ok, type Task } from '../tasks/task.ts'
import { openArm } from './arm.ts'
import { az } from './cli.ts'
import type { Azure } from './client.ts'
import { waitUntilGone } from './containers/provisioning.ts'
import { deleteGroup, isOwnGroup } from './resources/containerGroups.ts'
import { getDataTier, type Part } from './resources/index.ts'
import { type ArmLocation, resourceId } from './resources/resource.ts'

const hour = 3_600_000

/** `az resource delete`: returns when ARM says that the resource is gone. */
export const deleteResource = (config: Config, subscription: string, location: ArmLocation): Command =>
  az.change({ timeoutMs: hour })`
    resource delete --ids ${resourceId(config, subscription, location)} --api-version ${location.apiVersion}`

export interface RemoveOptions {
  after: readonly (Task | undefined)[]
  /** Explains why a kind of resource is not removed; undefined when it is. */
  stays(kind: ShareKind): string | undefined
}

/**
 * Deletes what a deploy created in the resource group, containers first. The group itself and everything else in it are
 * kept: an empty group costs nothing.
 */
export function removeAzureTasks(context: Context, azure: Azure, { after, stays }: RemoveOptions): Task[] {
  const { config } = context
  const arm = openArm(context)
  const containers: Task<string[]> = {
    id: 'remove-containers',
    title: 'Containers',
    part: 'azure',
    after,
    async inspect() {
      const stay = stays('containers')
      if (stay) return ok(stay)
      const names = await ownGroups(azure)
      if (names.length === 0) return ok('there are none')
      const { id } = await azure.account()
      const effects = names.map((name) => deleteGroup(config, name, id))
      return { state: 'change', what: `delete ${names.join(', ')}`, effects, fact: names }
    },
    async afterAll({ fact: names = [] }) {
      await Promise.all(names.map((name) => waitUntilGone(config, arm, name)))
      return names
    },
  }
  const remove = (part: Part): Task => ({
    id: `remove-${part.id}`,
    title: part.title,
    part: 'azure',
    after: [containers],
    async inspect() {
      const stay = stays(part.shared[0].kind)
      if (stay) return ok(stay)
      if ((await azure[part.id]()) === undefined) return ok('it does not exist')
      const effects = [deleteResource(config, (await azure.account()).id, part)]
      const taken = part.nameStaysTaken ? ', whose name may stay reserved for days' : ''
      return { state: 'change', what: `delete ${part.name(config)}${taken}`, effects }
    },
  })
  return [containers, ...getDataTier(config).reverse().map(remove)]
}

/** The names of the container groups that deploys created. */
export async function ownGroups(azure: Azure): Promise<string[]> {
  return (await azure.groups()).map(({ name }) => name).filter(isOwnGroup)
}
