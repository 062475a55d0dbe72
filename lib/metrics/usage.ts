import { createAzure } from '../azure/client.ts'
import { type MetricId, metricIds, type Point, readMetrics, type Span } from '../azure/metrics.ts'
import {
  type ContainerGroup,
  getSize,
  groupId,
  groupNames,
  workerNames,
} from '../azure/resources/containerGroups.ts'
import type { Config } from '../config/config.ts'
import { formatScriptLine } from '../config/pasteLine.ts'
import type { Context } from '../tasks/context.ts'
import { type Settled, settleAll } from '../util/concurrency.ts'
import { OpsError, unknownError } from '../util/errors.ts'

/** What a container group used of what it may use. */
export interface Usage {
  /** Cores and GB that the group may use. */
  cpu: number
  memoryGb: number
  metrics: Readonly<Record<MetricId, Figures>>
}

/** CPU in thousandths of a core, memory in bytes, network in bytes a second. */
export interface Figures {
  points: readonly Point[]
  /** undefined: nothing was measured. */
  summary?: Summary
  /** The most that the group may use, in the same unit; network has no limit. */
  allowed?: number
}

export interface Summary {
  minimum: number
  average: number
  maximum: number
  last: number
  /** Begin of the interval that `last` is of. */
  lastAt: Date
}

/** ARM's GB of a container group are of 1024³ bytes; the portal says GiB. */
const bytesPerGb = 1024 ** 3

/**
 * What every container group of the resource group used in the span; a group that the configuration wants and that is
 * not there, or of which nothing was measured, is a failed answer beside the others.
 * Throws when Azure does not tell which groups there are, or when there are none.
 */
export async function readUsage(context: Context, span: Span): Promise<Record<string, Settled<Usage>>> {
  const azure = createAzure(context)
  const [account, groups] = await Promise.all([azure.account(), azure.groups()])
  const { resourceGroup } = context.config.azure
  if (groups.length === 0) {
    throw new OpsError({
      what: `There is no container group in the resource group ${resourceGroup}`,
      next: `Deploy first: ${formatScriptLine('deploy-complete')}; or check AZURE_RESOURCE_GROUP and AZURE_SUBSCRIPTION.`,
    })
  }
  const asks = listGroupNames(context.config, groups).map((name) => {
    const group = groups.find((each) => each.name === name)
    const id = groupId(context.config, account.id, name)
    return [name, () => readGroupUsage(context, name, group, id, span)] as const
  })
  return settleAll(Object.fromEntries(asks))
}

/** Those that the configuration wants, then the others that are there. */
function listGroupNames(config: Config, groups: readonly ContainerGroup[]): string[] {
  const wanted = [groupNames.backend, ...workerNames(config)]
  return [...new Set([...wanted, ...groups.map(({ name }) => name).sort()])]
}

async function readGroupUsage(
  context: Context,
  name: string,
  group: ContainerGroup | undefined,
  id: string,
  span: Span,
): Promise<Usage> {
  if (!group) {
    throw new OpsError({
      what: `There is no container group ${name}`,
      next: `${formatScriptLine('release-containers')} makes it.`,
    })
  }
  const measured = await readMetrics(context, id, span)
  if (metricIds.every((metric) => summarize(measured[metric]) === undefined)) {
    throw unknownError(
      `Nothing was measured of ${name} since ${span.from.toISOString()}`,
      undefined,
      'The first figures come some minutes after a container has started; a longer --since shows older ones.',
    )
  }
  return toUsage(group, measured)
}

function toUsage(group: ContainerGroup, measured: Readonly<Record<MetricId, readonly Point[]>>): Usage {
  const sizes = group.containers.map(getSize)
  const cpu = sizes.reduce((sum, size) => sum + (size.cpu ?? 0), 0)
  const memoryGb = sizes.reduce((sum, size) => sum + (size.memoryGb ?? 0), 0)
  const figures = (id: MetricId, allowed?: number): Figures => {
    const summary = summarize(measured[id])
    return { points: measured[id], ...(summary ? { summary } : {}), ...(allowed ? { allowed } : {}) }
  }
  return {
    cpu,
    memoryGb,
    metrics: {
      cpu: figures('cpu', cpu * 1000),
      memory: figures('memory', memoryGb * bytesPerGb),
      received: figures('received'),
      sent: figures('sent'),
    },
  }
}

/** Least, mean, greatest and latest of what was measured; undefined when nothing was. */
export function summarize(points: readonly Point[]): Summary | undefined {
  const known = points.filter(({ average }) => average !== null)
  const last = known.at(-1)
  if (!last) return undefined
  return {
    minimum: Math.min(...known.map(({ minimum, average }) => minimum ?? average!)),
    average: known.reduce((sum, { average }) => sum + average!, 0) / known.length,
    maximum: Math.max(...known.map(({ maximum, average }) => maximum ?? average!)),
    last: last.average!,
    lastAt: last.at,
  }
}
