#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'
import type { ScheduleFlags } from '../../lib/schedule/schedule.ts'

await defineScript<ScheduleFlags>({
  name: 'schedule',
  summary:
    'health, status page and nightly backup by themselves: prints, installs or removes the entries; last runs',
  changes: true,
  flags(parser) {
    parser
      .option('--install', 'put the entries in; what is there already is changed to what it shall be')
      .option('--remove', 'take exactly ours away')
      .addOption(
        parser
          .createOption('--as <scheduler>', 'default: what this machine has')
          .choices(['cron', 'systemd', 'windows']),
      )
      .addOption(
        parser
          .createOption('--every <time>', 'how often health looks: 1m, 2m, 5m, 10m … 1h')
          .default('5m', '5m'),
      )
  },
  async main(run) {
    const [{ withContext }, { schedule }] = await Promise.all([
      import('../../lib/deploy/context.ts'),
      import('../../lib/schedule/schedule.ts'),
    ])
    const mayChange = !run.flags.dryRun && (run.flags.install === true || run.flags.remove === true)
    return withContext(run, 'schedule', mayChange, (context) => schedule(run, context))
  },
})
