import { existsSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import path from 'node:path'
import type { CommonFlags, Run } from '../cli/script.ts'
import { tableText } from '../cli/table.ts'
import { exitCode, messageOf, usageError } from '../command/errors.ts'
import { quoteLine } from '../command/quote.ts'
import type { Context } from '../steps/context.ts'
import { type Outcome, runSteps } from '../steps/engine.ts'
import { planData, planText, summary } from '../steps/plan.ts'
import type { Step } from '../steps/step.ts'
import { blockOf } from './cron.ts'
import { cronRuns, cronSteps } from './cronSteps.ts'
import { type LastRun, lastRuns } from './lastRuns.ts'
import { unitsOf } from './systemd.ts'
import { endsWithLogin, scopeHere, systemdSteps, unitFolder } from './systemdSteps.ts'
import {
  minutesOf,
  type Place,
  pathFor,
  rhythmWords,
  type Task,
  tasksOf,
  unreachableSecrets,
} from './tasks.ts'
import { taskName, taskXml } from './windows.ts'
import { windowsSteps } from './windowsSteps.ts'

export interface ScheduleFlags extends CommonFlags {
  install?: boolean
  remove?: boolean
  as?: 'cron' | 'systemd' | 'windows'
  every: string
}

/** What runs by itself here: the scheduler, the tasks, and the steps that put them in or take them away. */
interface Scheduled {
  kind: 'cron' | 'systemd' | 'windows'
  place: Place
  tasks: Task[]
  /** What would be written, for a person to read or to put elsewhere. */
  text: string
  steps(wanted: boolean): Step[]
}

/** The scheduler of this machine: Windows' own, systemd where it runs (sd_booted(3)), else cron. */
const schedulerHere = (): Scheduled['kind'] =>
  process.platform === 'win32' ? 'windows' : existsSync('/run/systemd/system') ? 'systemd' : 'cron'

/** Prints, installs or removes the entries, and says how each task went last. Gives the exit code. */
export async function schedule(run: Run<ScheduleFlags>, context: Context): Promise<number> {
  const { install, remove, dryRun } = run.flags
  if (install && remove) throw usageError('--install and --remove do not go together')
  const scheduled = scheduledFor(context, run.flags)
  if (!install && !remove) return show(run, context, scheduled)
  const mode = dryRun ? 'plan' : 'apply'
  const outcomes = await perform(run, context, scheduled.steps(install === true), mode)
  if (dryRun) {
    const changes = outcomes.filter(({ state }) => state === 'create' || state === 'change').length
    const data = { ok: true, dryRun: true, as: scheduled.kind, changes, steps: planData(outcomes) }
    run.result(planText(outcomes, context.runner.secrets), data)
    return run.flags.detailedExitcode && changes > 0 ? 2 : exitCode.done
  }
  const changed = outcomes.some(({ state }) => state !== 'ok')
  if (install) await warn(run, context, scheduled)
  const runs = await lastRuns(context.config)
  const done = changed ? `Done: ${summary(outcomes, true)}` : `Nothing to do: ${summary(outcomes, true)}`
  run.result(install ? [done, '', runsText(scheduled.tasks, runs)].join('\n') : done, {
    ...{ ok: true, as: scheduled.kind, installed: install === true, changed },
    ...{ steps: planData(outcomes), lastRuns: runs },
  })
  return exitCode.done
}

function scheduledFor(context: Context, flags: ScheduleFlags): Scheduled {
  const { config } = context
  const home = path.join(import.meta.dirname, '..', '..')
  const launcher = { node: process.execPath, bin: path.join(home, 'bin', 'dominion.js') }
  const tasks = tasksOf(config.environment, minutesOf(flags.every), launcher)
  const kind = flags.as ?? schedulerHere()
  const place: Place = {
    folder: config.folder,
    environment: config.environment,
    path: pathFor(process.env.PATH ?? ''),
    user: userName(kind),
  }
  if (kind === 'cron') {
    const steps = (wanted: boolean) => cronSteps(context, place, wanted ? tasks : [])
    return { kind, place, tasks, text: blockOf(tasks, place).trimEnd(), steps }
  }
  if (kind === 'windows') {
    const text = tasks.map((task) => `${taskName(task, place)}:\n${taskXml(task, place)}`).join('\n')
    return { kind, place, tasks, text, steps: (wanted) => windowsSteps(context, place, tasks, wanted) }
  }
  const scope = scopeHere()
  const folder = unitFolder(scope, process.env, homedir())
  const units = tasks.flatMap((task) => unitsOf(task, place, scope))
  return {
    ...{ kind, place, tasks },
    text: units.map((unit) => `${path.join(folder, unit.name)}:\n${unit.text}`).join('\n'),
    steps: (wanted) => systemdSteps(context, place, tasks, wanted, scope, folder),
  }
}

function userName(kind: Scheduled['kind']): string {
  const { USERDOMAIN, USERNAME } = process.env
  if (kind === 'windows' && USERDOMAIN && USERNAME) return `${USERDOMAIN}\\${USERNAME}`
  try {
    return userInfo().username
  } catch {
    throw usageError(
      'The user of this process has no name',
      'Run it as the user whom the tasks shall run as.',
    )
  }
}

/** Runs the steps; throws the first failure. */
async function perform(
  run: Run<ScheduleFlags>,
  { runner }: Context,
  steps: Step[],
  mode: 'plan' | 'apply',
): Promise<Outcome[]> {
  const listener = {
    begun() {},
    said: (_step: Step, line: string, from?: string) => {
      if (from === undefined) run.story(line)
    },
    ended() {},
  }
  const { stopping, signal } = run
  const outcomes = await runSteps(steps, { mode, runner, listener, stopping, signal })
  const failed = outcomes.find(({ state }) => state === 'failed')
  if (failed) throw failed.error
  return outcomes
}

/** The entries, whether they are in, and the last runs. */
async function show(run: Run<ScheduleFlags>, context: Context, scheduled: Scheduled): Promise<number> {
  const { kind, tasks, text } = scheduled
  const elsewhere = run.flags.as !== undefined && (kind === 'windows') !== (process.platform === 'win32')
  const installed: Installed = elsewhere ? 'elsewhere' : await isInstalled(run, context, scheduled)
  const runs = await lastRuns(context.config)
  const line = quoteLine([
    ...['npx', 'dominion', 'schedule', '--install'],
    ...(run.flags.as ? ['--as', kind] : []),
    ...(run.flags.every === '5m' ? [] : ['--every', run.flags.every]),
    ...(run.flags.env ? ['--env', run.flags.env] : []),
  ])
  const failure = installed instanceof Error ? installed : undefined
  const state = failure
    ? `Cannot tell whether it is installed: ${failure.message}`
    : {
        yes: 'Installed as above.',
        otherwise: `Installed, but not as above, which is what this would make of it: ${line}`,
        no: `Not installed: ${line}`,
        elsewhere: 'Whether it is installed can only be told on a machine of that kind.',
      }[installed as Exclude<Installed, Error>]
  await warn(run, context, scheduled, installed === 'yes')
  run.result([text, '', runsText(tasks, runs), '', state].join('\n'), {
    ...{ ok: !failure, as: kind, installed: failure ? null : installed, text },
    tasks: tasks.map(({ id, rhythm, argv }) => ({ id, when: rhythmWords(rhythm), argv })),
    lastRuns: runs,
    ...(failure ? { error: { what: failure.message } } : {}),
  })
  return failure ? exitCode.unknown : exitCode.done
}

type Installed = 'yes' | 'otherwise' | 'no' | 'elsewhere' | Error

async function isInstalled(
  run: Run<ScheduleFlags>,
  context: Context,
  { steps }: Scheduled,
): Promise<Installed> {
  try {
    const states = (await perform(run, context, steps(true), 'plan')).map(({ state }) => state)
    if (states.every((state) => state === 'ok')) return 'yes'
    return states.every((state) => state === 'create') ? 'no' : 'otherwise'
  } catch (thrown) {
    return thrown instanceof Error ? thrown : new Error(messageOf(thrown))
  }
}

/** What is as it shall be, and yet will not run. */
async function warn(
  run: Run<ScheduleFlags>,
  { config, runner }: Context,
  { kind, place }: Scheduled,
  installed = true,
): Promise<void> {
  const keys = unreachableSecrets(config)
  if (keys.length > 0)
    run.story(
      `! ${keys.join(', ')}: a secret kept in the environment (env:…) is not there when a scheduler starts the task`,
    )
  if (!installed) return
  if (kind === 'cron' && cronRuns() === false)
    run.story('! No cron daemon seems to run on this machine, so nothing will start: systemctl start cron')
  if (kind === 'systemd' && scopeHere() === 'user' && (await endsWithLogin(runner, place.user)))
    run.story(`! These timers stop when ${place.user} logs out: loginctl enable-linger ${place.user}`)
}

function runsText(tasks: readonly Task[], runs: readonly LastRun[]): string {
  const rows = tasks.map(({ id, rhythm }) => {
    const last = runs.find(({ task }) => task === id)
    const at = last?.at ? `${new Date(last.at).toISOString().slice(0, 16).replace('T', ' ')} UTC` : '–'
    const code = last?.exitCode === null || last === undefined ? '' : `exit ${last.exitCode}: `
    return [id, rhythmWords(rhythm), at, `${code}${last?.words ?? ''}`]
  })
  return tableText([{ heading: 'task' }, { heading: 'when' }, { heading: 'last run' }, { heading: '' }], rows)
}
