#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'

await defineScript<{ only?: 'backend' | 'worker' }>({
  name: 'restart-containers',
  summary: 'restart backend and workers as they are, and wait until they are healthy',
  changes: true,
  flags: (parser) =>
    parser.addOption(
      parser.createOption('--only <part>', 'backend or worker alone').choices(['backend', 'worker']),
    ),
  async main(run) {
    const { runTasks } = await import('../../lib/deploy/runTasks.ts')
    return runTasks(run, {
      script: 'restart-containers',
      needsVps: false,
      async list(context) {
        const { restartList } = await import('../../lib/deploy/updateTasks.ts')
        return { steps: restartList(context, run.flags.only) }
      },
    })
  },
})
