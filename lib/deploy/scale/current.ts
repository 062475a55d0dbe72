import type { Azure } from '../../azure/client.ts'
import type { Size } from '../../azure/containers/limits.ts'
import {
  type ContainerGroup,
  getImage,
  getSize,
  groupNames,
  isWorkerName,
} from '../../azure/resources/containerGroups.ts'
import type { Config } from '../../config/config.ts'
import type { Values } from '../../config/envFile.ts'
import { formatKeyFile, formatScriptLine } from '../../config/pasteLine.ts'
import type { KeyName } from '../../config/schema.ts'
import { type Estimate, estimateCost } from '../../cost/estimate.ts'
import { readPrices } from '../../cost/priceList.ts'
import { formatDollars } from '../../cost/report.ts'
import type { Context } from '../../tasks/context.ts'
import { OpsError } from '../../util/errors.ts'
import { formatTable } from '../../util/table.ts'

/** A part that has a size. */
export type Scaled = 'backend' | 'worker'

/** The size and number of a part; there is one backend. */
export interface Scale extends Size {
  count: number
}

/** How a part runs now. */
export interface CurrentSize extends Scale {
  /** The image that it runs, before and after. */
  image: string
  /** False after an interrupted run, or when somebody has changed a part of it by hand. */
  settled: boolean
}

/**
 * How a part runs now. After an interrupted run it is derived from what is left, so that the same command continues.
 * Throws when nothing is left, or when the release of another image is incomplete.
 */
export async function scaleNow(config: Config, azure: Azure, part: Scaled): Promise<CurrentSize> {
  const groups = await azure.groups()
  const named = (name: string) => groups.find((group) => group.name === name)
  const [backend, surge] = [named(groupNames.backend), named(groupNames.surge)]
  if (part === 'backend') {
    if (surge && backend && getImage(surge) !== getImage(backend)) throw halfReleased(getImage(surge))
    const group = backend ?? surge
    if (!group) throw nothingRuns(groupNames.backend)
    return { ...groupSize(group), count: 1, image: getImage(group), settled: backend !== undefined && !surge }
  }
  const workers = groups.filter(({ name }) => isWorkerName(name)).sort((a, b) => numberOf(a) - numberOf(b))
  const [first] = workers
  if (!first) {
    if (!backend) throw nothingRuns(groupNames.worker)
    return { ...config.worker, image: getImage(backend), settled: false }
  }
  const count = Math.max(...workers.map(numberOf))
  const even = workers.every((group) => sameSize(groupSize(group), groupSize(first)))
  return { ...groupSize(first), count, image: getImage(first), settled: even && workers.length === count }
}

/** 1 for codex-worker, N for codex-worker-N. */
const numberOf = ({ name }: ContainerGroup): number =>
  name === groupNames.worker ? 1 : Number(name.slice(groupNames.worker.length + 1))

/** A group of ours has one container. */
function groupSize({ containers }: ContainerGroup): Size {
  const { cpu, memoryGb } = getSize(containers[0])
  return { cpu: cpu ?? 0, memoryGb: memoryGb ?? 0 }
}

const sameSize = (a: Size, b: Size): boolean => a.cpu === b.cpu && a.memoryGb === b.memoryGb

const nothingRuns = (name: string) =>
  new OpsError({
    what: `There is no ${name} to scale`,
    next: `Set its size in ${formatKeyFile('BACKEND_CPU', 'BACKEND_MEMORY_GB')} and release it: ${formatScriptLine('deploy-complete')}`,
  })

const halfReleased = (image: string) =>
  new OpsError({
    what: `The release of another image was interrupted: ${groupNames.surge} runs ${image}`,
    next: `Finish it first: ${formatScriptLine('update-backend')}, or ${formatScriptLine('rollback', 'backend', '--to', 'TAG')}`,
  })

/** The same configuration with a part in another size. */
export const scaledConfig = (config: Config, part: Scaled, { cpu, memoryGb, count }: Scale): Config =>
  part === 'backend'
    ? { ...config, backend: { ...config.backend, cpu, memoryGb } }
    : { ...config, worker: { ...config.worker, cpu, memoryGb, count } }

/** The values for .env with which the next deploy keeps the size. */
export function valuesToSet(config: Config, part: Scaled, to: Scale): Values {
  const wanted: [KeyName, number, number][] =
    part === 'backend'
      ? [
          ['BACKEND_CPU', config.backend.cpu, to.cpu],
          ['BACKEND_MEMORY_GB', config.backend.memoryGb, to.memoryGb],
        ]
      : [
          ['WORKER_CPU', config.worker.cpu, to.cpu],
          ['WORKER_MEMORY_GB', config.worker.memoryGb, to.memoryGb],
          ['WORKER_COUNT', config.worker.count, to.count],
        ]
  return Object.fromEntries(
    wanted.filter(([, is, shall]) => is !== shall).map(([key, , shall]) => [key, String(shall)]),
  )
}

export interface ScalePlan {
  part: Scaled
  to: Scale
  /** The cost before and after, in one line. */
  cost: string
  /** In a plan: why the current size is unknown. The configured size then stands in for it. */
  unasked?: OpsError
  save: boolean
}

/** The monthly cost of everything, before and after the change. */
export async function compareCosts(context: Context, part: Scaled, now: Scale, to: Scale) {
  const prices = await readPrices(context)
  const at = (scale: Scale): Estimate => estimateCost(scaledConfig(context.config, part, scale), prices)
  return formatCost(part, at(now), at(to))
}

/** Before and after: a table for a person who decides, and a line for the plan. */
export function formatCost(part: Scaled, now: Estimate, then: Estimate): { table: string; line: string } {
  const right = 'right' as const
  const of = ({ parts }: Estimate) => parts.find(({ id }) => id === part)
  const note = then.note ? `; ${then.note}` : ''
  const table = formatTable(
    [
      { heading: '$ a month' },
      { heading: 'now', align: right },
      { heading: 'then', align: right },
      { heading: 'computed' },
    ],
    [
      [
        of(then)?.title ?? part,
        formatDollars(of(now)?.monthly),
        formatDollars(of(then)?.monthly),
        of(then)?.quantity ?? '',
      ],
      ['All parts', formatDollars(now.total), formatDollars(then.total), `prices of ${then.priced}${note}`],
    ],
  )
  const line = `${formatDollars(of(now)?.monthly)} → ${formatDollars(of(then)?.monthly)} $ a month; all parts ${formatDollars(now.total)} → ${formatDollars(then.total)} (prices of ${then.priced})`
  return { table, line }
}
