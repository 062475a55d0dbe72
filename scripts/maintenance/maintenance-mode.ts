#!/usr/bin/env node
import { defineScript, isMain } from '../../lib/cli/defineScript.ts'
import { withContext } from '../../lib/deploy/context.ts'
import { usageError } from '../../lib/util/errors.ts'

interface Flags {
  mode: 'on' | 'off' | 'status'
  message?: string
  until?: string
}

const script = defineScript<Flags>({
  name: 'maintenance-mode',
  summary: 'Show visitors a maintenance page (503), end it, or report its state',
  changes: true,
  options: (parser) =>
    parser
      .addArgument(
        parser.createArgument('<mode>', 'What to do; status is read-only').choices(['on', 'off', 'status']),
      )
      .option('--message <text>', 'Text of the page, one paragraph')
      .option('--until <time>', 'Expected end to announce: 30m, 2h, 03:30, 2026-11-23T03:30Z')
      .action((mode) => void parser.setOptionValue('mode', mode)),
  async run(run) {
    const { mode, message, until } = run.flags
    if (mode !== 'on' && (message !== undefined || until !== undefined))
      throw usageError(`--message and --until can only be used with on, not with ${mode}`)
    const { maintenanceStatus, maintenanceTask, nginxHttpsTask, onEachServer, runTasks, wantedMaintenance } =
      await import('../../lib/deploy/taskFactories.ts')
    if (mode === 'status') {
      return withContext(run, 'maintenance-mode', false, async (context) => {
        await context.runner.beginConnecting(context.server)
        return maintenanceStatus(run, context)
      })
    }
    return runTasks(run, {
      needsVps: true,
      tasks: (context) =>
        onEachServer(context, (each) => {
          // nginx first: without its configuration, the page would exist but nobody would get it.
          const nginx = nginxHttpsTask(each)
          // ssh: mv -T maintenance.new maintenance
          return [nginx, maintenanceTask(each, wantedMaintenance(mode, run.flags), nginx)]
        }),
    })
  },
})

export default script
if (isMain(import.meta)) await script.start()
