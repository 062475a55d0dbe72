#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'
import type { RemoveFlags } from '../../lib/deploy/remove.ts'
import { usageError } from '../../lib/util/errors.ts'

await defineScript<RemoveFlags>({
  name: 'remove',
  summary: 'take down what the deploy made; dumps and receipts stay',
  changes: true,
  flags: (parser) =>
    parser
      .option('--confirm <domain>', 'the domain, typed: instead of being asked for it')
      .option('--skip-azure', 'leave the core as it is')
      .option('--skip-ionos', 'leave the VPS as it is'),
  async main(run) {
    if (run.flags.skipAzure && run.flags.skipIonos)
      throw usageError('--skip-azure and --skip-ionos together leave nothing to do', 'Give one of them.')
    const { runTasks } = await import('../../lib/deploy/runTasks.ts')
    const { confirmRemoval, readStaying, removeList } = await import('../../lib/deploy/remove.ts')
    const staying = await readStaying(run)
    if (!run.flags.dryRun) await confirmRemoval(run, staying)
    return runTasks(run, {
      script: 'remove',
      needsVps: !run.flags.skipIonos,
      list: (context) => ({ steps: removeList(context, run.flags, staying) }),
    })
  },
})
