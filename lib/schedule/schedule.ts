import { existsSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import path from 'node:path'
import type { CommonFlags, Run } from '../cli/defineScript.ts'
import { quoteToPaste } from '../shell/quote.ts'
import { executeTasks, type Outcome } from '../tasks/engine.ts'
import { formatSummary, planData, printPlan } from '../tasks/plan.ts'
import type { Context, Task } from '../tasks/task.ts'
import { exitCode, getMessage, OpsError, usageError } from '../util/errors.ts'
import { formatTable } from '../util/format.ts'
import { formatUtc } from '../util/time.ts'
import { cronTasks, isCronRunning, noCrontab, renderBlock } from './cron.ts'
import { type LastRun, readLastRuns } from './lastRuns.ts'
import { getScope, getUnitFolder, renderUnits, stopsAtLogout, systemdTasks } from './systemd.ts'
import {
  buildPath,
  formatInterval,
  type InstallTarget,
  listOpenFolders,
  listScheduledTasks,
  parseMinutes,
  type ScheduledTask,
  unreachableSecrets,
} from './tasks.ts'
import { getTaskName, renderTaskXml, windowsTasks } from './windows.ts'

export interface ScheduleFlags extends CommonFlags {
  install?: boolean
  remove?: boolean
  as?: 'cron' | 'systemd' | 'windows'
  every: string
}

/** Prints, installs or removes the entries, and shows the last run of each task. Returns the exit code. */
export async function schedule(run: Run<ScheduleFlags>, context: Context): Promise<number> {
  const { install, remove, dryRun } = run.flags
  if (install && remove) throw usageError('--install and --remove cannot be combined')
  const scheduled = createSchedule(context, run.flags.as ?? detectScheduler(), run.flags.every)
  if (!install && !remove) return show(run, context, scheduled)
  const mode = dryRun ? 'plan' : 'apply'
  const steps = [
    ...scheduled.steps(install === true),
    ...(remove ? await stepsElsewhere(run, context, scheduled) : []),
  ]
  const outcomes = await perform(run, context, steps, mode)
  if (dryRun) return printPlan(run, outcomes, context.runner.secrets, { as: scheduled.kind })
  const changed = outcomes.some(({ state }) => state !== 'ok')
  if (install) await warn(run, context, scheduled)
  const runs = await readLastRuns(context.config)
  const done = `${changed ? 'Done' : 'Nothing to do'}: ${formatSummary(outcomes, true)}`
  run.result(install ? [done, '', formatLastRuns(scheduled.tasks, runs)].join('\n') : done, {
    ...{ ok: true, as: scheduled.kind, installed: install === true, changed },
    ...{ steps: planData(outcomes), lastRuns: runs },
  })
  return exitCode.done
}

async function perform(
  run: Run<ScheduleFlags>,
  { runner }: Context,
  steps: Task[],
  mode: 'plan' | 'apply',
): Promise<Outcome[]> {
  const listener = {
    started() {},
    logged: (_task: Task, line: string, from?: string) => {
      if (from === undefined) run.log(line)
    },
    ended() {},
  }
  const { stopping, signal } = run
  const outcomes = await executeTasks(steps, { mode, runner, listener, stopping, signal })
  const failed = outcomes.find(({ state }) => state === 'failed')
  if (failed) throw failed.error
  return outcomes
}

async function show(run: Run<ScheduleFlags>, context: Context, scheduled: Schedule): Promise<number> {
  const { kind, tasks, text } = scheduled
  const elsewhere = run.flags.as !== undefined && (kind === 'windows') !== (process.platform === 'win32')
  const installed: Installed = elsewhere ? 'elsewhere' : await isInstalled(run, context, scheduled)
  const runs = await readLastRuns(context.config)
  const line = quoteToPaste([
    ...['npx', 'dominion', 'schedule', '--install'],
    ...(run.flags.as ? ['--as', kind] : []),
    ...(run.flags.every === '5m' ? [] : ['--every', run.flags.every]),
    ...(run.flags.env ? ['--env', run.flags.env] : []),
  ])
  const failure = installed instanceof Error ? installed : undefined
  const state = failure
    ? `Could not determine whether the entries are installed: ${failure.message}`
    : {
        yes: 'Installed and up to date.',
        otherwise: `Installed with differences. Update with: ${line}`,
        no: `Not installed. Install with: ${line}`,
        elsewhere: 'Only a machine with this scheduler can tell whether it is installed.',
      }[installed as Exclude<Installed, Error>]
  await warn(run, context, scheduled, installed === 'yes')
  run.result([text, '', formatLastRuns(tasks, runs), '', state].join('\n'), {
    ...{ ok: !failure, as: kind, installed: failure ? null : installed, text },
    tasks: tasks.map(({ id, interval, argv }) => ({ id, when: formatInterval(interval), argv })),
    lastRuns: runs,
    ...(failure ? { error: { what: failure.message } } : {}),
  })
  return failure ? exitCode.unknown : exitCode.done
}

type Installed = 'yes' | 'otherwise' | 'no' | 'elsewhere' | Error

/** The states of the tasks in a plan; the error when they are unknown. */
const planStates = (run: Run<ScheduleFlags>, context: Context, steps: Task[]) =>
  perform(run, context, steps, 'plan').then(
    (outcomes) => outcomes.map(({ state }) => state),
    (thrown) => (thrown instanceof Error ? thrown : new Error(getMessage(thrown))),
  )

async function isInstalled(
  run: Run<ScheduleFlags>,
  context: Context,
  { steps }: Schedule,
): Promise<Installed> {
  const states = await planStates(run, context, steps(true))
  if (states instanceof Error) return states
  if (states.every((state) => state === 'ok')) return 'yes'
  return states.every((state) => state === 'create') ? 'no' : 'otherwise'
}

/** The other scheduler on the same machine that may start our tasks. */
function getOtherSchedule(
  { flags }: Run<ScheduleFlags>,
  context: Context,
  { kind }: Schedule,
): Schedule | undefined {
  if (kind === 'windows') return undefined
  return createSchedule(context, kind === 'cron' ? 'systemd' : 'cron', flags.every)
}

/** True when the scheduler has entries of this tool; the error when that is unknown. */
async function hasOwnEntries(
  run: Run<ScheduleFlags>,
  context: Context,
  { steps }: Schedule,
): Promise<boolean | Error> {
  const states = await planStates(run, context, steps(false))
  if (!(states instanceof Error)) return states.some((state) => state !== 'ok')
  return states instanceof OpsError && states.failure.what === noCrontab ? false : states
}

/** Tasks that also remove our entries from the other scheduler, unless --as was given. */
async function stepsElsewhere(
  run: Run<ScheduleFlags>,
  context: Context,
  scheduled: Schedule,
): Promise<Task[]> {
  const other = run.flags.as === undefined ? getOtherSchedule(run, context, scheduled) : undefined
  // An unknown state fails as a task with its own message.
  return other && (await hasOwnEntries(run, context, other)) !== false ? other.steps(false) : []
}

async function warnAboutOther(run: Run<ScheduleFlags>, context: Context, scheduled: Schedule): Promise<void> {
  const other = getOtherSchedule(run, context, scheduled)
  const ours = other ? await hasOwnEntries(run, context, other) : false
  if (!other || ours === false) return
  const line = quoteToPaste([
    ...['npx', 'dominion', 'schedule', '--remove', '--as', other.kind],
    ...(run.flags.env ? ['--env', run.flags.env] : []),
  ])
  run.log(
    ours === true
      ? `! ${other.kind} also has entries of this tool, so each task runs twice. Remove them with: ${line}`
      : `! Could not determine whether ${other.kind} also has entries of this tool: ${ours.message}`,
  )
}

/** Warns about entries that are correct but will not work. */
async function warn(
  run: Run<ScheduleFlags>,
  context: Context,
  scheduled: Schedule,
  installed = true,
): Promise<void> {
  const { config, runner } = context
  const { kind, target } = scheduled
  const keys = unreachableSecrets(config)
  if (keys.length > 0)
    run.log(
      `! ${keys.join(', ')}: a secret in an environment variable (env:…) is not available to scheduled tasks`,
    )
  const open = listOpenFolders(process.env.PATH ?? '')
  if (open.length > 0)
    run.log(
      `! Scheduled tasks do not look for programs in ${open.join(', ')}: other users of this machine can write there`,
    )
  await warnAboutOther(run, context, scheduled)
  if (!installed) return
  if (kind === 'cron' && isCronRunning() === false)
    run.log(
      '! No cron daemon seems to be running, so no task will start. Start it with: systemctl start cron',
    )
  if (kind === 'systemd' && getScope() === 'user' && (await stopsAtLogout(runner, target.user)))
    run.log(
      `! These timers stop when ${target.user} logs out. Prevent that with: loginctl enable-linger ${target.user}`,
    )
}

function formatLastRuns(tasks: readonly ScheduledTask[], runs: readonly LastRun[]): string {
  const rows = tasks.map(({ id, interval }) => {
    const last = runs.find(({ task }) => task === id)
    const at = last?.at ? `${formatUtc(last.at)} UTC` : '–'
    const code = last?.exitCode === null || last === undefined ? '' : `exit ${last.exitCode}: `
    return [id, formatInterval(interval), at, `${code}${last?.words ?? ''}`]
  })
  return formatTable(
    [{ heading: 'task' }, { heading: 'when' }, { heading: 'last run' }, { heading: '' }],
    rows,
  )
}

interface Schedule {
  kind: 'cron' | 'systemd' | 'windows'
  target: InstallTarget
  tasks: ScheduledTask[]
  text: string
  steps(wanted: boolean): Task[]
}

/** The scheduler of this machine: Task Scheduler on Windows, systemd where it runs (sd_booted(3)), otherwise cron. */
function detectScheduler(): Schedule['kind'] {
  if (process.platform === 'win32') return 'windows'
  return existsSync('/run/systemd/system') ? 'systemd' : 'cron'
}

function createSchedule(context: Context, kind: Schedule['kind'], every: string): Schedule {
  const { config } = context
  const home = path.join(import.meta.dirname, '..', '..')
  const launcher = { node: process.execPath, bin: path.join(home, 'bin', 'dominion.js') }
  const tasks = listScheduledTasks(config.environment, parseMinutes(every), launcher)
  const target: InstallTarget = {
    folder: config.folder,
    environment: config.environment,
    path: buildPath(process.env.PATH ?? ''),
    user: getUserName(kind),
  }
  if (kind === 'cron') {
    const steps = (wanted: boolean) => cronTasks(context, target, wanted ? tasks : [])
    return { kind, target, tasks, text: renderBlock(tasks, target).trimEnd(), steps }
  }
  if (kind === 'windows') {
    const text = tasks
      .map((task) => `${getTaskName(task, target)}:\n${renderTaskXml(task, target)}`)
      .join('\n')
    return { kind, target, tasks, text, steps: (wanted) => windowsTasks(context, target, tasks, wanted) }
  }
  const scope = getScope()
  const folder = getUnitFolder(scope, process.env, homedir())
  const units = tasks.flatMap((task) => renderUnits(task, target, scope))
  return {
    ...{ kind, target, tasks },
    text: units.map((unit) => `${path.join(folder, unit.name)}:\n${unit.text}`).join('\n'),
    steps: (wanted) => systemdTasks(context, target, tasks, wanted, scope, folder),
  }
}

function getUserName(kind: Schedule['kind']): string {
  const { USERDOMAIN, USERNAME } = process.env
  if (kind === 'windows' && USERDOMAIN && USERNAME) return `${USERDOMAIN}\\${USERNAME}`
  try {
    return userInfo().username
  } catch {
    throw usageError(
      'The user of this process has no login name',
      'Run this command as the user who should run the tasks.',
    )
  }
}
