import { createAzure } from '../../azure/client.ts'
import { assertAllowed, readLimits } from '../../azure/containers/limits.ts'
import type { CommonFlags, Run } from '../../cli/defineScript.ts'
import { askToType } from '../../cli/prompt.ts'
import type { Config } from '../../config/config.ts'
import { formatKeyFile, formatScriptLine } from '../../config/pasteLine.ts'
import type { KeyName } from '../../config/schema.ts'
import { isUnanswered, usageError } from '../../util/errors.ts'
import { withContext } from '../context.ts'
import { assertUnlocked } from '../lock.ts'
import { runTasks } from '../runTasks.ts'
import { getSeparateConfig } from '../separate.ts'
import { compareCosts, type Scale, type Scaled, type ScalePlan, scaleNow, valuesToSet } from './current.ts'
import { scaleTasks } from './tasks.ts'

export interface ScaleFlags extends CommonFlags {
  part?: string
  cpu?: number
  memory?: number
  workers?: number
  save?: boolean
}

/** Shows the cost of a size, asks for confirmation, and applies it. Gives the exit code. */
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
      summary: () => (scaling.save ? [] : warningOf(values)),
    }),
  })
}

function partOf({ part, cpu, memory, workers }: ScaleFlags): Scaled {
  if (part !== undefined && part !== 'backend' && part !== 'worker')
    throw usageError(`${part} has no size to scale`, 'Give backend or worker.')
  if (part === 'backend' && workers !== undefined)
    throw usageError(
      '--workers is the number of workers, not of backends',
      formatScriptLine('scale', '--workers', 'N'),
    )
  if (part === undefined && (workers === undefined || cpu !== undefined || memory !== undefined))
    throw usageError(
      'What is to be scaled?',
      `${formatScriptLine('scale', 'backend', '--cpu', '4', '--memory', '8')}, ${formatScriptLine('scale', 'worker', '--cpu', '2', '--memory', '4')}, or ${formatScriptLine('scale', '--workers', '3')}`,
    )
  if (cpu === undefined && memory === undefined && workers === undefined)
    throw usageError(`To what size is the ${part} to be scaled?`, 'Give --cpu, --memory (GB) or --workers.')
  return part ?? 'worker'
}

/** The plan, once the size is allowed, priced and confirmed. Nothing has been changed then. */
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
      run.log('A job that runs in a worker which is replaced or deleted may be cut off.')
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
  return { part, to, cost: 'it cannot be compared with what runs', unasked: thrown, save }
}

/** Whether a running worker is deleted or replaced. */
const cutsOff = (now: Scale, to: Scale): boolean =>
  to.count < now.count || to.cpu !== now.cpu || to.memoryGb !== now.memoryGb

const wordsOf = ({ cpu, memoryGb, count }: Scale): string => `${count} × ${cpu} CPU, ${memoryGb} GB`

function warningOf(values: ReturnType<typeof valuesToSet>): string[] {
  const lines = Object.entries(values).map(([key, value]) => `  ${key}=${value}`)
  const [first, ...others] = Object.keys(values) as KeyName[]
  if (first === undefined) return []
  const file = formatKeyFile(first, ...others)
  return [`The next deploy sets this back, unless ${file} says (--save writes it there):`, ...lines]
}
