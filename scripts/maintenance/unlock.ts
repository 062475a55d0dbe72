#!/usr/bin/env node
import { defineScript, isMain } from '../../lib/cli/defineScript.ts'
import { askToType } from '../../lib/cli/prompt.ts'
import { withContext } from '../../lib/deploy/context.ts'
import { exitCode, OpsError } from '../../lib/util/errors.ts'

const script = defineScript({
  name: 'unlock',
  summary: 'Show who holds the deploy lock and release it',
  changes: true,
  async run(run) {
    const { breakLocks, readHolders } = await import('../../lib/deploy/lock.ts')
    const planning = run.flags.dryRun === true
    return withContext(run, 'unlock', !planning, async (context) => {
      const held = await readHolders(context)
      const holder = held[0]?.holder
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
      if (!run.flags.yes && !(await askToType('Release it?', 'unlock', '--yes'))) {
        throw new OpsError({ what: 'Not confirmed: the lock was kept', exitCode: exitCode.usage })
      }
      // ssh: kill PID of the process that holds the flock. The deploy that loses it starts no further task.
      for (const command of breakLocks(held)) await context.runner.run(command)
      run.result(`Released. It was held by ${holder.by}.`, { ok: true, holder, released: true })
      return exitCode.done
    })
  },
})

export default script
if (isMain(import.meta)) await script.start()
