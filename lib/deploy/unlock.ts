import type { CommonFlags, Run } from '../cli/defineScript.ts'
import { confirmedByTyping } from '../cli/prompt.ts'
import { exitCode, OpsError } from '../util/errors.ts'
import { withContext } from './context.ts'
import { breakLock, readHolder } from './lock.ts'

/**
 * Shows who holds the deploy lock and, once confirmed, ends what holds it. The deploy that loses it begins no further
 * step. Gives the exit code.
 */
export async function unlock(run: Run<CommonFlags>): Promise<number> {
  const planning = run.flags.dryRun === true
  return withContext(run, 'unlock', !planning, async (context) => {
    const holder = await readHolder(context)
    if (!holder) {
      run.result('Nobody holds the deploy lock.', { ok: true, holder: null, released: false })
      return exitCode.done
    }
    const who = `${holder.by} has held the deploy lock since ${holder.since}, for: ${holder.what}`
    if (planning) {
      run.result(`${who}\nIt would be released.`, { ok: true, dryRun: true, holder, released: false })
      return run.flags.detailedExitcode ? 2 : exitCode.done
    }
    run.log(who)
    if (!run.flags.yes && !(await confirmedByTyping('Release it?', 'unlock', '--yes'))) {
      throw new OpsError({ what: 'Not confirmed: the lock stays', exitCode: exitCode.usage })
    }
    await context.runner.run(breakLock(context.config, holder))
    run.result(`Released. It was held by ${holder.by}.`, { ok: true, holder, released: true })
    return exitCode.done
  })
}
