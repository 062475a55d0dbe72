import { createAzure } from '../azure/client.ts'
import { type MetricId, metricIds, type Point, readMetrics, type Span } from '../azure/metrics.ts'
import { type ContainerGroup, getSize, getWantedNames, groupId } from '../azure/resources/containerGroups.ts'
import { formatKeyFile, formatScriptLine } from '../config/config.ts'
import type { Context } from '../tasks/task.ts'
import { type Settled, settleAll } from '../util/concurrency.ts'
import { OpsError, unknownError } from '../util/errors.ts'

/** The usage of a container group compared with its limits. */
export interface Usage {
  cpu: number
  memoryGb: number
  metrics: Readonly<Record<MetricId, Figures>>
}

/** The usage of each container group, by name, or why there is none. */
export type Answers = Readonly<Record<string, Settled<Usage>>>

/** CPU in millicores, memory in bytes, network in bytes per second. */
export interface Figures {
  points: readonly Point[]
  /** undefined without measurements. */
  summary?: Summary
  /** The limit of the group in the same unit; network has none. */
  allowed?: number
}

/** A GB of a container group in ARM is 1024³ bytes; the portal says GiB. */
const bytesPerGb = 1024 ** 3

/**
 * Reads the usage of every container group in the resource group. A configured group that does not exist or has no
 * measurements is a failed answer among the others. Throws when Azure does not list the groups or there are none.
 */
export async function readUsage(context: Context, span: Span): Promise<Answers> {
  const azure = createAzure(context)
  const [account, groups] = await Promise.all([azure.account(), azure.groups()])
  const { resourceGroup } = context.config.azure
  if (groups.length === 0) {
    throw new OpsError({
      what: `The resource group ${resourceGroup} has no container groups`,
      next: `Deploy first: ${formatScriptLine('deploy-complete')}; or check AZURE_RESOURCE_GROUP and AZURE_SUBSCRIPTION in ${formatKeyFile('AZURE_RESOURCE_GROUP', 'AZURE_SUBSCRIPTION')}.`,
    })
  }
  const names = new Set([...getWantedNames(context.config), ...groups.map(({ name }) => name).sort()])
  return settleAll(Object.fromEntries([...names].map((name) => [name, () => readGroup(name)])))

  async function readGroup(name: string): Promise<Usage> {
    const group = groups.find((each) => each.name === name)
    if (!group)
      throw new OpsError({
        what: `Container group ${name} does not exist`,
        next: `${formatScriptLine('release-containers')} creates it.`,
      })
    const measured = await readMetrics(context, groupId(context.config, account.id, name), span)
    const usage = toUsage(group, measured)
    if (metricIds.some((metric) => usage.metrics[metric].summary)) return usage
    throw unknownError(
      `No measurements for ${name} since ${span.from.toISOString()}`,
      undefined,
      'The first figures appear a few minutes after a container has started; use a longer --since for older ones.',
    )
  }
}

function toUsage(group: ContainerGroup, measured: Awaited<ReturnType<typeof readMetrics>>): Usage {
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

type Summary = NonNullable<ReturnType<typeof summarize>>

/** Minimum, mean, maximum and latest value with its time; undefined without measurements. */
export function summarize(points: readonly Point[]) {
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
