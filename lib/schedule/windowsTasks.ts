import { act, type Command, look, secretFile } from '../shell/command.ts'
import type { Context } from '../tasks/context.ts'
import { type Difference, ok, type Task } from '../tasks/task.ts'
import { getMessage, OpsError } from '../util/errors.ts'
import { formatInterval, type InstallTarget, type ScheduledTask } from './tasks.ts'
import { isSameTask, taskName, taskXml } from './windows.ts'

/** The file goes away with the command: Windows keeps a copy of its own. */
export const createCommand = (task: ScheduledTask, place: InstallTarget): Command =>
  act([
    ...['schtasks', '/Create', '/F', '/TN', taskName(task, place)],
    ...['/XML', secretFile(`${task.id}.xml`, taskXml(task, place))],
  ])

export const deleteCommand = (task: ScheduledTask, place: InstallTarget): Command =>
  act(['schtasks', '/Delete', '/F', '/TN', taskName(task, place)])

/** One step a task. `wanted` false: none of them. */
export const windowsTasks = (
  { runner }: Context,
  place: InstallTarget,
  tasks: readonly ScheduledTask[],
  wanted: boolean,
): Task[] =>
  tasks.map((task) => ({
    id: task.id,
    title: `Task ${taskName(task, place)}`,
    part: 'together',
    async inspect(): Promise<Difference> {
      const asked = look(['schtasks', '/Query', '/TN', taskName(task, place), '/XML', 'ONE'], {
        accept: [0, 1],
        timeoutMs: 30_000,
      })
      const { code, stdout } = await runner.run(asked).catch((thrown) => {
        throw new OpsError({
          what: 'There is no Task Scheduler on this machine',
          said: getMessage(thrown),
          next: 'Use --as cron or --as systemd.',
        })
      })
      const there = code === 0
      if (!wanted)
        return there
          ? { state: 'change', what: 'is taken away', effects: [deleteCommand(task, place)] }
          : ok('is not there')
      if (there && isSameTask(stdout, taskXml(task, place))) return ok('is there')
      return {
        state: there ? 'change' : 'create',
        what: formatInterval(task.rhythm),
        effects: [createCommand(task, place)],
      }
    },
  }))
