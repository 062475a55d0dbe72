import path from 'node:path'
import { loginTask } from '../azure/account.ts'
import { type Azure, createAzure } from '../azure/client.ts'
import { assertAllowed, readLimits, type Size } from '../azure/containers/limits.ts'
import { containerTasks, workersTask } from '../azure/containers/release.ts'
import {
  type ContainerGroup,
  getImage,
  getSize,
  groupNames,
  isWorkerName,
} from '../azure/resources/containerGroups.ts'
import type { CommonFlags, Run } from '../cli/defineScript.ts'
import { askToType } from '../cli/prompt.ts'
import { type Config, formatKeyFile, formatScriptLine } from '../config/config.ts'
import { saveValues, type Values } from '../config/envFile.ts'
import { getEnvironmentFile } from '../config/environments.ts'
import type { KeyName } from '../config/schema.ts'
import { type Estimate, estimateCost } from '../cost/estimate.ts'
import { readPrices } from '../cost/priceList.ts'
import { formatDollars } from '../cost/report.ts'
import { applicationRoleTask } from '../database/applicationRole.ts'
import { getFact } from '../tasks/engine.ts'
import {
  type Context,
  type Field,
  ok,
  onEachServer,
  type Task,
  unknown,
  type VpsContext,
} from '../tasks/task.ts'
import { isUnanswered, OpsError, usageError } from '../util/errors.ts'
import { formatTable } from '../util/format.ts'
import { nginxHttpsTask } from '../vps/nginx/tasks.ts'
import { withContext } from './context.ts'
import { assertUnlocked } from './lock.ts'
import { verifyingProxy } from './rollback/automatic.ts'
import { runTasks, type TaskList } from './runTasks.ts'
import { getSeparateConfig } from './separation.ts'
import { verifyTask } from './verify.ts'

export type Scaled = 'backend' | 'worker'

/** The size and number of a part; there is one backend. */
export interface Scale extends Size {
  count: number
}

export interface CurrentSize extends Scale {
  /** The image that it runs, before and after the change. */
  image: string
  /** False after an interrupted run or when somebody has changed part of it by hand. */
  settled: boolean
}

/**
 * The current size of a part, derived from what an interrupted run left. Throws when there is nothing, or only half of
 * a release.
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

/** Each of our groups has one container. */
function groupSize({ containers }: ContainerGroup): Size {
  const { cpu, memoryGb } = getSize(containers[0])
  return { cpu: cpu ?? 0, memoryGb: memoryGb ?? 0 }
}

const sameSize = (a: Size, b: Size): boolean => a.cpu === b.cpu && a.memoryGb === b.memoryGb

const nothingRuns = (name: string) =>
  new OpsError({
    what: `${name} does not exist, so it cannot be scaled`,
    next: `Set its size in ${formatKeyFile('BACKEND_CPU', 'BACKEND_MEMORY_GB')} and release it: ${formatScriptLine('deploy-complete')}`,
  })

const halfReleased = (image: string) =>
  new OpsError({
    what: `The release of another image was interrupted: ${groupNames.surge} runs ${image}`,
    next: `Finish it first: ${formatScriptLine('update-backend')}, or ${formatScriptLine('rollback', 'backend', '--to', 'TAG')}`,
  })

/** The same configuration with a different size for a part. */
export const scaledConfig = (config: Config, part: Scaled, { cpu, memoryGb, count }: Scale): Config =>
  part === 'backend'
    ? { ...config, backend: { ...config.backend, cpu, memoryGb } }
    : { ...config, worker: { ...config.worker, cpu, memoryGb, count } }

/** The keys of .env that specify a different size. */
function getSizeChanges(config: Config, part: Scaled, to: Scale) {
  const { backend, worker } = config
  const keys: [key: KeyName, before: number, after: number][] =
    part === 'backend'
      ? [
          ['BACKEND_CPU', backend.cpu, to.cpu],
          ['BACKEND_MEMORY_GB', backend.memoryGb, to.memoryGb],
        ]
      : [
          ['WORKER_CPU', worker.cpu, to.cpu],
          ['WORKER_MEMORY_GB', worker.memoryGb, to.memoryGb],
          ['WORKER_COUNT', worker.count, to.count],
        ]
  return keys.filter(([, before, after]) => before !== after)
}

/** The values for .env with which the next deploy keeps the size. */
export const valuesToSet = (config: Config, part: Scaled, to: Scale): Values =>
  Object.fromEntries(getSizeChanges(config, part, to).map(([key, , after]) => [key, String(after)]))

export interface ScalePlan {
  part: Scaled
  to: Scale
  cost: string
  /** In a plan: why the current size is unknown. The configured size is then used instead. */
  unasked?: OpsError
  save: boolean
}

export async function compareCosts(context: Context, part: Scaled, now: Scale, to: Scale) {
  const prices = await readPrices(context)
  const at = (scale: Scale): Estimate => estimateCost(scaledConfig(context.config, part, scale), prices)
  return formatCost(part, at(now), at(to))
}

/** Before and after: a table for the operator, and a line for the plan. */
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

export interface ScaleFlags extends CommonFlags {
  part?: Scaled
  cpu?: number
  memory?: number
  workers?: number
  save?: boolean
}

/** Shows the cost of a size, asks for confirmation, and applies it. Returns the exit code. */
export async function scale(run: Run<ScaleFlags>): Promise<number> {
  const part = partOf(run.flags)
  const config = await getSeparateConfig(run)
  const scaling = await decide(run, part).catch((thrown) => {
    if (run.flags.dryRun) return unaskedScaling(run.flags, config, part, thrown)
    throw thrown
  })
  const values = valuesToSet(config, part, scaling.to)
  return runTasks(run, {
    config,
    needsVps: part === 'backend',
    tasks: (context) => ({
      ...scaleTasks(context, scaling),
      summary: () => (scaling.save ? [] : warningOf(config, values)),
    }),
  })
}

function partOf({ part, cpu, memory, workers }: ScaleFlags): Scaled {
  if (part === 'backend' && workers !== undefined)
    throw usageError(
      '--workers sets the number of workers, not of backends',
      formatScriptLine('scale', '--workers', 'N'),
    )
  if (part === undefined && (workers === undefined || cpu !== undefined || memory !== undefined))
    throw usageError(
      'Specify what to scale',
      `${formatScriptLine('scale', 'backend', '--cpu', '4', '--memory', '8')}, ${formatScriptLine('scale', 'worker', '--cpu', '2', '--memory', '4')}, or ${formatScriptLine('scale', '--workers', '3')}`,
    )
  if (cpu === undefined && memory === undefined && workers === undefined)
    throw usageError(`No size specified for the ${part}`, 'Use --cpu, --memory (GB) or --workers.')
  return part ?? 'worker'
}

/** The plan, once the size has been validated, priced and confirmed. Nothing has been changed at this point. */
async function decide(run: Run<ScaleFlags>, part: Scaled): Promise<ScalePlan> {
  const { cpu, memory, workers, save = false, yes, dryRun } = run.flags
  let scaling: ScalePlan | undefined
  await withContext(run, 'scale', false, async (context) => {
    const azure = createAzure(context)
    if (!dryRun) await assertUnlocked(context)
    const now = await scaleNow(context.config, azure, part)
    const to: Scale = {
      cpu: cpu ?? now.cpu,
      memoryGb: memory ?? now.memoryGb,
      count: workers ?? now.count,
    }
    if (to.cpu !== now.cpu || to.memoryGb !== now.memoryGb)
      assertAllowed(to, await readLimits(context, azure))
    const costs = await compareCosts(context, part, now, to)
    scaling = { part, to, cost: costs.line, save }
    if (now.settled && wordsOf(now) === wordsOf(to)) return 0
    run.log(
      `${part === 'backend' ? 'Backend' : 'Workers'}: ${wordsOf(now)} → ${wordsOf(to)}\n\n${costs.table}\n`,
    )
    if (part === 'worker' && cutsOff(now, to))
      run.log('Jobs running in a worker that is replaced or deleted may be cut off.')
    const agreed = yes || dryRun || (await askToType('Scale?', 'yes', '--yes'))
    if (!agreed) throw usageError('Not confirmed: nothing was changed')
    return 0
  })
  return scaling!
}

/** For a plan when Azure does not answer or nobody is logged in. Rethrows every other error. */
export function unaskedScaling(
  { cpu, memory, workers, save = false }: ScaleFlags,
  config: Config,
  part: Scaled,
  thrown: unknown,
): ScalePlan {
  if (!isUnanswered(thrown)) throw thrown
  const now = part === 'backend' ? { ...config.backend, count: 1 } : config.worker
  const to = { cpu: cpu ?? now.cpu, memoryGb: memory ?? now.memoryGb, count: workers ?? now.count }
  return { part, to, cost: 'it cannot be compared with the running containers', unasked: thrown, save }
}

const cutsOff = (now: Scale, to: Scale): boolean =>
  to.count < now.count || to.cpu !== now.cpu || to.memoryGb !== now.memoryGb

const wordsOf = ({ cpu, memoryGb, count }: Scale): string => `${count} × ${cpu} CPU, ${memoryGb} GB`

function warningOf(config: Config, values: Values): string[] {
  const lines = Object.entries(values).map(([key, value]) => `  ${key}=${value}`)
  if (lines.length === 0) return []
  const file = getEnvironmentFile(config)
  return [`The next deploy reverts this unless ${file} contains (--save writes it there):`, ...lines]
}

/** Replaces the backend without downtime, or the workers one by one; with --save, then writes the environment's file. */
export function scaleTasks(context: VpsContext, { part, to, cost, unasked, save }: ScalePlan): TaskList {
  const scaled = { ...context, config: scaledConfig(context.config, part, to) }
  const azure = createAzure(scaled)
  const login = loginTask(scaled, azure.account)
  const image: Task<{ image: string }> = {
    id: 'image',
    title: 'Running image',
    part: 'azure',
    after: [login],
    async inspect() {
      if (unasked) throw unasked
      const { image: running } = await scaleNow(context.config, azure, part)
      return { ...ok(`${running}; unchanged`), fact: { image: running } }
    },
  }
  const costs: Task = {
    ...{ id: 'cost', title: 'Cost', part: 'azure', after: [image] },
    inspect: async () => (unasked ? unknown(cost) : ok(cost)),
  }
  const nginx =
    part === 'backend' ? onEachServer(scaled, (each) => nginxHttpsTask(each, { azure, after: [image] })) : []
  const role = applicationRoleTask(scaled, { azure, after: [image] })
  const options = { image, after: [role], nginx, proxy: verifyingProxy(scaled, azure), needsProxy: true }
  const group =
    part === 'backend' ? containerTasks(scaled, azure, options)[0] : workersTask(scaled, azure, options)
  const release = [role, ...nginx, group]
  const verify = verifyTask(scaled, { azure, ionos: part === 'backend', after: release })
  return {
    tasks: [
      ...[login, image, costs, ...release, verify],
      ...(save ? [saveTask(context.config, part, to, verify)] : []),
    ],
    receipt: (outcomes) => ({ image: getFact(outcomes, image)?.image ?? '' }),
  }
}

/**
 * Writes the size to the environment's own file, for the next deploy: `.env` applies to every environment, so a size
 * written there would change production, too.
 */
export function saveTask(config: Config, part: Scaled, to: Scale, verify: Task): Task {
  const file = getEnvironmentFile(config)
  return {
    id: 'save',
    title: 'Sizes in the configuration',
    part: 'together',
    after: [verify],
    async inspect() {
      const fields: Field[] = getSizeChanges(config, part, to).map(([key, before, after]) => ({
        ...{ name: `${file}: ${key}`, before: String(before), after: String(after) },
      }))
      if (fields.length === 0) return ok('already up to date')
      return { state: 'change', what: file, fields, effects: [] }
    },
    afterAll: () => saveValues(path.join(config.folder, file), valuesToSet(config, part, to)),
  }
}
