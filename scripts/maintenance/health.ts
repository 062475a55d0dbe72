#!/usr/bin/env node
import { defineScript, isMain } from '../../lib/cli/defineScript.ts'
import type { HealthFlags } from '../../lib/monitoring/options.ts'

const script = defineScript<HealthFlags>({
  name: 'health',
  summary: 'Run all health checks; print one line for cron, record history, send alerts',
  changes: false,
  stopsAtOnce: true,
  // Exit codes are those of a monitoring plugin: what keeps it from looking is UNKNOWN.
  failure: { exitCode: 3, line: (what) => `UNKNOWN - ${what.replaceAll(/\s+/g, ' ').replaceAll('|', '¦')}` },
  options(parser) {
    parser
      .option('--quick', 'Run only the checks that need no login')
      .option('--only <ids>', 'Run only these checks, separated by commas')
      .option('--targets <file>', 'Check more URLs, one a line: [name] URL [warning,critical]')
      .option('--from <where>', 'Check from there, too; supported: vps')
      .option(
        '--format <name>',
        'Print plugin, json, table or openmetrics (default: table on a terminal, else plugin)',
      )
      .option('--fail-after <looks>', 'Failed runs in a row that open an incident (default: 3)')
      .option('--recover-after <looks>', 'Good runs in a row that close it (default: 2)')
      .option(
        '--remind <time>',
        'Repeat the alert of an open incident after 30m, 1d …; 0: never (default: 6h)',
      )
      .option(
        '--test-alert [channel]',
        'Send a test alert by webhook, slack, teams, email, or by all that are configured',
      )
  },
  async run(run) {
    const { health } = await import('../../lib/monitoring/health.ts')
    return health(run)
  },
})

export default script
if (isMain(import.meta)) await script.start()
