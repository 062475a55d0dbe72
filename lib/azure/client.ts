import { rememberBackendHost } from '../config/backendHost.ts'
import { formatKeyFile, formatScriptLine } from '../config/config.ts'
import type { Command } from '../shell/command.ts'
import type { Context } from '../tasks/task.ts'
import { isUnanswered, OpsError } from '../util/errors.ts'
import { isListOf, isObject } from '../util/shape.ts'
import { type Account, readAccount } from './account.ts'
import { parseAnswer } from './answer.ts'
import { absent, az } from './cli.ts'
import { type ContainerGroup, findHost, groupNames, isGroup } from './resources/containerGroups.ts'
import { type DataTier, getDataTier, type Part, type PartId } from './resources/index.ts'
import { readTag, readTags } from './resources/registry.ts'
import { type ArmLocation, type Resource, resourceId } from './resources/resource.ts'

export type Azure = ReturnType<typeof createAzure>

export type Login = Pick<Azure, 'account'>

/** One method for each part of the data tier: `registry()`, `database()` … */
type PartReaders = { [Id in PartId]: () => Promise<DataTier[Id]> }

type Cached = PartId | 'account' | 'deployment' | 'group' | 'groups' | 'tags'

export interface Deployment {
  properties: {
    provisioningState: 'Running' | 'Accepted' | 'Succeeded' | 'Failed' | 'Canceled'
    error?: DeploymentError | null
  }
}

export interface DeploymentError {
  code: string
  message: string
  details?: DeploymentError[] | null
}

function createReader({ config, runner }: Context, account: () => Promise<Account>) {
  async function show(command: Command): Promise<unknown> {
    const { stdout, code } = await runner.run(command)
    return code === absent ? undefined : parseAnswer(stdout, isObject)
  }

  async function showResource(location: ArmLocation): Promise<Resource | undefined> {
    const { id } = await account()
    const command = az`
      resource show --ids ${resourceId(config, id, location)} --api-version ${location.apiVersion}
        --subscription ${id}`
    return (await show(command)) as Resource | undefined
  }

  /**
   * Shows parts and their children with one call; all must support this API version. Undefined when one of them is absent
   * or cannot be shown: az then prints none of them, so each must be read alone.
   */
  async function showTogether(parts: readonly Part[], apiVersion: string): Promise<Resource[] | undefined> {
    const { id } = await account()
    const locations = parts.flatMap((part) => [part, ...part.children])
    const ids = locations.map((location) => resourceId(config, id, location))
    const { code, stdout } = await runner.run(
      az({ accept: [0, 1, absent] })`
        resource show --ids ${ids} --api-version ${apiVersion} --subscription ${id}`,
    )
    return code === 0 ? parseAnswer<Resource[]>(stdout, isListOf(isObject)) : undefined
  }

  async function readPart(part: Part): Promise<Resource | undefined> {
    const found = part.children.length > 0 ? await showTogether([part], part.apiVersion) : undefined
    if (found) return combine(part, found)
    const alone = await showResource(part)
    return alone && part.complete ? part.complete(alone, showResource) : alone
  }

  return { show, showTogether, readPart }
}

const combine = (part: Part, [first, ...children]: readonly Resource[]): Resource =>
  part.combine([first!, ...children])

/**
 * The state of Azure, read at most once until something changes it, which keeps a deploy with nothing to do at eight az
 * calls. `undefined` means absent; a read without an answer throws.
 */
export function createAzure(context: Context) {
  const { config, runner } = context
  const { resourceGroup } = config.azure
  const parts = getDataTier(config)
  const cache = new Map<Cached, Promise<unknown>>()

  function once<T>(what: Cached, read: () => Promise<T>): Promise<T> {
    const reading = (cache.get(what) as Promise<T> | undefined) ?? read()
    cache.set(what, reading)
    reading.catch(() => cache.delete(what))
    return reading
  }

  const account = () => once('account', () => readAccount(context))
  const { show, showTogether, readPart } = createReader(context, account)
  const readers = Object.fromEntries(
    parts.map((part) => [part.id, () => once(part.id, () => readPart(part))]),
  ) as unknown as PartReaders

  /** Starts to read the parts that share an API version with one call. */
  function readTogether(shared: readonly Part[], apiVersion: string): void {
    const reading = showTogether(shared, apiVersion)
    let start = 0
    for (const part of shared) {
      const first = start
      start += 1 + part.children.length
      void once(part.id, async () => {
        const found = (await reading)?.slice(first, first + 1 + part.children.length)
        return found ? combine(part, found) : readPart(part)
      })
    }
  }

  /** Explains a failure caused by a missing registry. Versions of az report it differently, some as a failed login. */
  async function inRegistry<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read()
    } catch (thrown) {
      if (isUnanswered(thrown) || (await readers.registry().catch(() => true))) throw thrown
      const { registry } = config.azure
      throw new OpsError({
        what: `Registry ${registry} not found in ${resourceGroup}`,
        next: `${formatScriptLine('provision')}   (it creates one); or check ACR_NAME and AZURE_RESOURCE_GROUP in ${formatKeyFile('ACR_NAME', 'AZURE_RESOURCE_GROUP')}.`,
      })
    }
  }

  return {
    account,
    ...readers,
    /** All parts. Those that share an API version are read with one call, if all of them exist. */
    async dataTier() {
      const unread = parts.filter(({ id }) => !cache.has(id))
      const versionOf = ({ sharedApiVersion, apiVersion }: Part) => sharedApiVersion ?? apiVersion
      for (const [version, shared] of Map.groupBy(unread, versionOf))
        if (shared.length > 1) readTogether(shared, version)
      const found = await Promise.all(parts.map(async ({ id }) => [id, await readers[id]()] as const))
      return Object.fromEntries(found) as DataTier
    },
    /** The resource group; undefined when there is none. */
    group: () =>
      once('group', async () => {
        const { id } = await account()
        return show(az`group show --name ${resourceGroup} --subscription ${id}`)
      }),
    deployment: (name: string) =>
      once('deployment', async () => {
        const { id } = await account()
        const command = az`
          deployment group show --resource-group ${resourceGroup} --name ${name} --subscription ${id}`
        return (await show(command)) as Deployment | undefined
      }),
    groups: () =>
      once('groups', async () => {
        const { id } = await account()
        const command = az`container list --resource-group ${resourceGroup} --subscription ${id}`
        const { stdout } = await runner.run(command)
        const groups = stdout === '' ? [] : parseAnswer<ContainerGroup[]>(stdout, isListOf(isGroup))
        const host = findHost(groups.find(({ name }) => name === groupNames.backend))
        if (host) rememberBackendHost(config, id, host)
        return groups
      }),
    /** The last 100 tags of the backend image, newest first. */
    tags: () => once('tags', () => inRegistry(async () => readTags(context, (await account()).id))),
    /** One tag of the backend image, however old; always read again. */
    tag: (name: string) => inRegistry(async () => readTag(context, name, (await account()).id)),
    /** Makes the next call read these again. */
    forget(...what: Cached[]) {
      for (const each of what) cache.delete(each)
    },
  }
}
