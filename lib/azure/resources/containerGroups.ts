import { type Config, getContainerHost, stableHost, surgeHost, surgeLabel } from '../../config/config.ts'
import { type Command, secretFile } from '../../shell/command.ts'
import type { Context } from '../../tasks/task.ts'
import type { Arm } from '../arm.ts'
import { az } from '../cli.ts'
import type { Login } from '../client.ts'
import type { Size } from '../containers/limits.ts'
import {
  type AzureResource,
  hoursPerMonth,
  isSameGroup,
  type Meter,
  type PricedQuantity,
  resourceId,
} from './resource.ts'

/** A container group as `az container list` prints it; the parts that are compared. */
export interface ContainerGroup {
  name: string
  provisioningState?: string
  /** Only `show` has it. */
  instanceView?: { events?: ContainerEvent[] | null } | null
  restartPolicy?: string
  osType?: string
  tags?: Record<string, string> | null
  ipAddress?: { ip?: string | null; fqdn?: string | null; dnsNameLabel?: string | null } | null
  containers: {
    name: string
    image: string
    command?: string[] | null
    resources?: { requests?: { cpu?: number; memoryInGb?: number; memoryInGB?: number } }
    instanceView?: {
      currentState?: { state?: string; startTime?: string; detailStatus?: string; exitCode?: number }
      restartCount?: number
      /** The last events. Consecutive equal events are merged into one with a count. */
      events?: ContainerEvent[] | null
    } | null
  }[]
}

export interface ContainerEvent {
  name: string
  count: number
  message?: string | null
  type?: string
  firstTimestamp?: string
  lastTimestamp?: string
}

const apiVersion = '2023-05-01'

export const containerGroups: AzureResource = {
  title: 'Containers',
  provider: 'Microsoft.ContainerInstance',
  type: 'containerGroups',
  permissions: [
    'Microsoft.ContainerInstance/containerGroups/read',
    'Microsoft.ContainerInstance/containerGroups/write',
    'Microsoft.ContainerInstance/containerGroups/delete',
    'Microsoft.ContainerInstance/containerGroups/restart/action',
    'Microsoft.ContainerInstance/containerGroups/containers/logs/read',
  ],
  location: ({ azure }) => azure.location,
  keys: { location: 'AZURE_LOCATION' },
  unforeseeable: ({ backend }) => `whether the DNS label ${backend.dnsLabel} is free`,
  shared: [
    {
      kind: 'containers',
      keys: ['AZURE_RESOURCE_GROUP'],
      describe: ({ azure }) => `containers in the resource group ${azure.resourceGroup}`,
      sameWhen: 'resource group and subscription are the same; the containers in it have fixed names',
      isSame: isSameGroup,
    },
    {
      kind: 'dns-label',
      keys: ['BACKEND_DNS_LABEL'],
      describe: (config) => `backend address ${stableHost(config)}`,
      sameWhen:
        'label and region are the same, or one is the address that the other uses during a release (`LABEL-next`)',
      isSame: sharesLabel,
    },
  ],
  getPricedParts: ({ backend, worker }) => [
    { id: 'backend', title: 'Backend container', quantities: getQuantities(backend, 1) },
    {
      id: 'worker',
      title: worker.count === 1 ? 'Worker container' : `Worker containers (${worker.count})`,
      quantities: getQuantities(worker, worker.count),
    },
  ],
}

/** A release in progress uses a second label. */
function sharesLabel(config: Config, other: Config): boolean {
  const own = [stableHost(config), surgeHost(config)]
  const { dnsLabel } = other.backend
  return own.some((host) =>
    [dnsLabel, surgeLabel(other)].map((label) => getContainerHost(other, label)).includes(host),
  )
}

function createMeter(meter: string, unit: string, bundledPrice: number): Meter {
  const service = 'Container Instances'
  return { service, products: [service], sku: 'Standard', meter, unit, bundledPrice }
}
/** Linux; Windows costs a second meter in addition. Billed while the group exists and runs. */
export const cpuMeter = createMeter('Standard vCPU Duration', '1 Hour', 0.0405)
const memoryMeter = createMeter('Standard Memory Duration', '1 GB Hour', 0.00445)

function getQuantities({ cpu, memoryGb }: Size, count: number): PricedQuantity[] {
  const times = `${count === 1 ? '' : `${count} × `}${hoursPerMonth} h`
  return [
    { meter: cpuMeter, quantity: count * cpu * hoursPerMonth, formula: `${times} × ${cpu} CPU` },
    { meter: memoryMeter, quantity: count * memoryGb * hoursPerMonth, formula: `${times} × ${memoryGb} GB` },
  ]
}

export const groupNames = {
  backend: 'codex-backend',
  surge: 'codex-backend-next',
  worker: 'codex-worker',
} as const

/** The names of all groups that the configuration wants. */
export const getWantedNames = (config: Config): string[] => [groupNames.backend, ...workerNames(config)]

/** The names of the worker groups that the configuration wants: codex-worker, codex-worker-2 … */
export const workerNames = ({ worker }: Config): string[] =>
  Array.from({ length: worker.count }, (_, index) =>
    index === 0 ? groupNames.worker : `${groupNames.worker}-${index + 1}`,
  )

/** Whether this is the name of a worker group. A group with any other name belongs to somebody else. */
export const isWorkerName = (name: string): boolean =>
  name === groupNames.worker || /^codex-worker-([2-9]|[1-9][0-9]+)$/.test(name)

/** Whether a deploy created this group, judging by its name. */
export const isOwnGroup = (name: string): boolean =>
  name === groupNames.backend || name === groupNames.surge || isWorkerName(name)

/** The image that a group runs; '' when ARM reports none. */
export const getImage = ({ containers }: ContainerGroup): string => containers[0]?.image ?? ''

/** The tag of an image's full name; the whole name when it has none. */
export const getTag = (image: string): string => image.slice(image.lastIndexOf(':') + 1)

/** The cores and GB of a container, as far as ARM shows them. `az` spells the memory field in two ways. */
export function getSize(container: ContainerGroup['containers'][number] | undefined) {
  const { cpu, memoryInGb, memoryInGB } = container?.resources?.requests ?? {}
  return { cpu, memoryGb: memoryInGb ?? memoryInGB }
}

/** ARM's path of all container groups of the resource group. */
export const groupsId = (config: Config, subscription: string): string =>
  resourceId(config, subscription, { path: () => 'Microsoft.ContainerInstance/containerGroups' })

export const groupId = (config: Config, subscription: string, name: string): string =>
  `${groupsId(config, subscription)}/${name}`

/**
 * Reads the existing groups with their instance view in one az call: `az container list` omits the view, and `az
 * container show` takes several ids. A group that cannot be shown is missing from the result (az only warns); if none
 * can be shown, this throws.
 */
export async function showGroups(
  { config, runner }: Context,
  login: Login,
  names: readonly string[],
): Promise<ContainerGroup[]> {
  if (names.length === 0) return []
  const { id } = await login.account()
  const ids = names.map((name) => groupId(config, id, name))
  const { stdout } = await runner.run(az`container show --ids ${ids}`)
  // A single group is printed as an object, several as a list in the order of the answers.
  return ([] as ContainerGroup[]).concat(JSON.parse(stdout || '[]') as ContainerGroup | ContainerGroup[])
}

/** Reads one group with its instance view; undefined when it does not exist. */
export const showGroup = async (
  context: Context,
  login: Login,
  name: string,
): Promise<ContainerGroup | undefined> => (await showGroups(context, login, [name]))[0]

/**
 * Reads one group with its instance view from ARM; undefined when it does not exist. For repeated reads, which az makes
 * slowly.
 */
export async function readGroup(
  config: Config,
  arm: Pick<Arm, 'get' | 'subscription'>,
  name: string,
): Promise<ContainerGroup | undefined> {
  const path = groupId(config, await arm.subscription(), name)
  const found = await arm.get<ArmGroup>(path, { 'api-version': apiVersion })
  if (!found) return undefined
  const containers = found.properties.containers.map(({ properties, ...rest }) => ({
    ...rest,
    ...properties,
  }))
  return { ...found.properties, name: found.name, containers }
}

/** As ARM shows a group: az removes the level `properties`. */
interface ArmGroup {
  name: string
  properties: Omit<ContainerGroup, 'name' | 'containers'> & {
    containers: { name: string; properties: Omit<ContainerGroup['containers'][number], 'name'> }[]
  }
}

/*
 * Both return as soon as Azure has accepted the change. az would ask every 30 s whether it is done, because Container
 * Instances send no Retry-After, and `az container delete` has no --no-wait (docs/azure.md).
 */

/** `az container create --file`: creates the group, or changes it to exactly this. */
export const createGroup = (config: Config, name: string, file: string, subscription: string): Command =>
  az.change`
    container create --resource-group ${config.azure.resourceGroup} --file ${secretFile(`${name}.json`, file)}
      --no-wait --subscription ${subscription}`

export function deleteGroup(config: Config, name: string, subscription: string): Command {
  const url = `https://management.azure.com${groupId(config, subscription, name)}?api-version=${apiVersion}`
  return az.change`rest --method delete --url ${url}`
}
