#!/usr/bin/env node
import { defineScript, isMain } from '../../lib/cli/defineScript.ts'
import { withContext } from '../../lib/deploy/context.ts'
import type { ScheduleFlags } from '../../lib/schedule/schedule.ts'

const script = defineScript<ScheduleFlags>({
  name: 'schedule',
  summary:
    'Print, install or remove the scheduled tasks (health, status page, nightly backup); show their last runs',
  changes: true,
  options(parser) {
    parser
      .option('--install', 'Install the entries, updating existing ones')
      .option('--remove', 'Remove only the entries this tool created')
      .addOption(
        parser
          .createOption('--as <scheduler>', "Scheduler to use (default: this machine's)")
          .choices(['cron', 'systemd', 'windows']),
      )
      .addOption(
        parser
          .createOption('--every <time>', 'Interval between health checks: 1m, 2m, 5m, 10m … 1h')
          .default('5m', '5m'),
      )
  },
  async run(run) {
    const { schedule } = await import('../../lib/schedule/schedule.ts')
    const { install, remove, dryRun } = run.flags
    const mayChange = !dryRun && (install === true || remove === true)
    // crontab -, systemctl enable, or schtasks /Create
    return withContext(run, 'schedule', mayChange, (context) => schedule(run, context))
  },
})

export default script
if (isMain(import.meta)) await script.start()
