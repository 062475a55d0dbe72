import { existsSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import path from 'node:path'
import type { Context } from '../tasks/context.ts'
import type { Task } from '../tasks/task.ts'
import { usageError } from '../util/errors.ts'
import { renderBlock } from './cron.ts'
import { cronTasks } from './cronTasks.ts'
import { renderUnits } from './systemd.ts'
import { scopeHere, systemdTasks, unitFolder } from './systemdTasks.ts'
import { type InstallTarget, listScheduledTasks, parseMinutes, pathFor, type ScheduledTask } from './tasks.ts'
import { taskName, taskXml } from './windows.ts'
import { windowsTasks } from './windowsTasks.ts'

/** What runs by itself here: the scheduler, the tasks, and the steps that put them in or take them away. */
export interface Scheduled {
  kind: 'cron' | 'systemd' | 'windows'
  place: InstallTarget
  tasks: ScheduledTask[]
  /** What would be written, for a person to read or to put elsewhere. */
  text: string
  steps(wanted: boolean): Task[]
}

/** The scheduler of this machine: Windows' own, systemd where it runs (sd_booted(3)), else cron. */
export const schedulerHere = (): Scheduled['kind'] =>
  process.platform === 'win32' ? 'windows' : existsSync('/run/systemd/system') ? 'systemd' : 'cron'

/** Another scheduler that may start our tasks on a machine with this one. */
export const otherThan = (kind: Scheduled['kind']): Scheduled['kind'] | undefined =>
  kind === 'windows' ? undefined : kind === 'cron' ? 'systemd' : 'cron'

export function scheduledFor(context: Context, kind: Scheduled['kind'], every: string): Scheduled {
  const { config } = context
  const home = path.join(import.meta.dirname, '..', '..')
  const launcher = { node: process.execPath, bin: path.join(home, 'bin', 'dominion.js') }
  const tasks = listScheduledTasks(config.environment, parseMinutes(every), launcher)
  const place: InstallTarget = {
    folder: config.folder,
    environment: config.environment,
    path: pathFor(process.env.PATH ?? ''),
    user: userName(kind),
  }
  if (kind === 'cron') {
    const steps = (wanted: boolean) => cronTasks(context, place, wanted ? tasks : [])
    return { kind, place, tasks, text: renderBlock(tasks, place).trimEnd(), steps }
  }
  if (kind === 'windows') {
    const text = tasks.map((task) => `${taskName(task, place)}:\n${taskXml(task, place)}`).join('\n')
    return { kind, place, tasks, text, steps: (wanted) => windowsTasks(context, place, tasks, wanted) }
  }
  const scope = scopeHere()
  const folder = unitFolder(scope, process.env, homedir())
  const units = tasks.flatMap((task) => renderUnits(task, place, scope))
  return {
    ...{ kind, place, tasks },
    text: units.map((unit) => `${path.join(folder, unit.name)}:\n${unit.text}`).join('\n'),
    steps: (wanted) => systemdTasks(context, place, tasks, wanted, scope, folder),
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
