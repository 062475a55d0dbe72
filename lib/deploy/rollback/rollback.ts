import type { Run } from '../../cli/defineScript.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import { usageError } from '../../util/errors.ts'
import type { Part } from '../../vps/badReleases.ts'
import { withContext } from '../context.ts'
import { runTasks, type TaskRun } from '../runTasks.ts'
import type { RollbackFlags } from './tasks.ts'

/** Lists what may be gone back to, or goes back to it. Gives the exit code. */
export async function rollback(run: Run<RollbackFlags>): Promise<number> {
  const { part, list, to, markBad, clearBad, why } = run.flags
  if (part !== undefined && part !== 'frontend' && part !== 'backend')
    throw usageError(`${part} is not a part that is rolled back`, 'Give frontend or backend.')
  const parts: Part[] = part ? [part] : ['frontend', 'backend']
  if (list) {
    const other = { '--to': to, '--mark-bad': markBad, '--clear-bad': clearBad, '--why': why }
    const beside = Object.entries(other).find(([, value]) => value !== undefined)?.[0]
    if (beside)
      throw usageError(`--list only shows, and does not go with ${beside}`, 'Leave one of them out.')
    return withContext(run, 'rollback', false, async (context) => {
      await context.runner.beginVps()
      return (await import('./list.ts')).listReleases(run, context, parts)
    })
  }
  if (!part)
    throw usageError(
      'What is to be rolled back?',
      `${formatScriptLine('rollback', 'frontend')}, or ${formatScriptLine('rollback', 'backend')}; --list shows both.`,
    )
  if (clearBad !== undefined && (to !== undefined || markBad))
    throw usageError('--clear-bad rolls nothing back, and goes with neither --to nor --mark-bad')
  if (why !== undefined && !markBad) throw usageError('--why goes with --mark-bad')
  let task: Pick<TaskRun, 'list' | 'summary'>
  return runTasks(run, {
    script: 'rollback',
    needsVps: true,
    async list(context) {
      task = (await import('./tasks.ts')).getRollbackTasks(run, part)
      return task.list(context)
    },
    summary: (context, outcomes) => task.summary?.(context, outcomes) ?? [],
  })
}
