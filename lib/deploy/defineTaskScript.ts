import { type CommonFlags, defineScript, type Script } from '../cli/defineScript.ts'
import type { VpsContext } from '../tasks/task.ts'
import type { TaskRun } from './runTasks.ts'
import type { Factories } from './taskFactories.ts'

export interface TaskScript<Flags extends object>
  extends Omit<Script<Flags>, 'changes' | 'run'>,
    Pick<TaskRun, 'unrecorded'> {
  /** Whether the run stops when the VPS cannot be reached. If not, the run continues without the deploy lock. */
  needsVps: boolean | ((flags: Flags) => boolean)
  /** Throws (exit 2) when flags cannot be combined. */
  check?(flags: Flags): void
  /** The task list: what is planned with --dry-run, and run without. */
  tasks(context: VpsContext, flags: Flags & CommonFlags, factories: Factories): ReturnType<TaskRun['tasks']>
}

export function defineTaskScript<Flags extends object>(script: TaskScript<Flags>) {
  const { needsVps, check, tasks, unrecorded, ...about } = script
  return defineScript<Flags>({
    ...about,
    changes: true,
    async run(run) {
      check?.(run.flags)
      const factories = await import('./taskFactories.ts')
      return factories.runTasks(run, {
        needsVps: typeof needsVps === 'function' ? needsVps(run.flags) : needsVps,
        ...(unrecorded ? { unrecorded } : {}),
        tasks: (context) => tasks(context, run.flags, factories),
      })
    },
  })
}
