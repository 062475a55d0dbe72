#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'
import { usageError } from '../../lib/util/errors.ts'

interface Flags {
  mode: 'on' | 'off' | 'status'
  message?: string
  until?: string
}

await defineScript<Flags>({
  name: 'maintenance-mode',
  summary: 'show the visitors a friendly maintenance page (503), end it, or say how things are',
  changes: true,
  flags(parser) {
    parser
      .addArgument(
        parser
          .createArgument('<mode>', 'on; off; or status, which changes nothing')
          .choices(['on', 'off', 'status']),
      )
      .option('--message <text>', 'what the page says, one paragraph')
      .option('--until <time>', 'the end to announce: 30m, 2h, 03:30, 2026-11-23T03:30Z')
      .action((mode) => {
        parser.setOptionValue('mode', mode)
      })
  },
  async main(run) {
    const { mode, message, until } = run.flags
    if (mode !== 'on' && (message !== undefined || until !== undefined))
      throw usageError(`--message and --until go with on, not with ${mode}`)
    if (mode === 'status') {
      const { withContext } = await import('../../lib/deploy/context.ts')
      return withContext(run, 'maintenance-mode', false, async (context) => {
        await context.runner.beginVps()
        return (await import('../../lib/deploy/maintenanceMode.ts')).maintenanceStatus(run, context)
      })
    }
    const { runTasks } = await import('../../lib/deploy/runTasks.ts')
    return runTasks(run, {
      script: 'maintenance-mode',
      needsVps: true,
      async list(context) {
        const { maintenanceList } = await import('../../lib/deploy/maintenanceMode.ts')
        return { steps: maintenanceList(context, mode, { message, until }) }
      },
    })
  },
})
