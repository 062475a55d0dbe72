#!/usr/bin/env node
import { defineScript, isMain } from '../../lib/cli/defineScript.ts'
import type { HealthFlags } from '../../lib/monitoring/options.ts'

const script = defineScript<HealthFlags>({
  name: 'health',
  summary: 'Run all health checks; print one line for cron, record history, send alerts',
  changes: false,
  stopsAtOnce: true,
  // Exit codes are those of a monitoring plugin: anything that prevents the checks is UNKNOWN.
  failure: { exitCode: 3, line: (what) => `UNKNOWN - ${what.replaceAll(/\s+/g, ' ').replaceAll('|', '¦')}` },
  options(parser) {
    parser
      .option('--quick', 'Run only the checks that need no login')
      .option('--only <ids>', 'Run only these checks, separated by commas')
      .option(
        '--targets <file>',
        'Also check the URLs in this file, one per line: [name] URL [warning,critical]',
      )
      .option('--from <where>', 'Also check from this location; supported: vps')
      .option(
        '--format <name>',
        'Output format: plugin, json, table or openmetrics (default: table on a terminal, otherwise plugin)',
      )
      .option('--fail-after <runs>', 'Consecutive failed runs that open an incident (default: 3)')
      .option('--recover-after <runs>', 'Consecutive good runs that close an incident (default: 2)')
      .option(
        '--remind <time>',
        'Repeat the alert for an open incident after 30m, 1d …; 0 for never (default: 6h)',
      )
      .option(
        '--test-alert [channel]',
        'Send a test alert to webhook, slack, teams or email (default: all that are configured)',
      )
  },
  // GET of the pages and the API; without --quick also az container list, ssh df and SELECT. Each check in
  // lib/checks has its own lines.
  async run(run) {
    const { health } = await import('../../lib/monitoring/health.ts')
    return health(run)
  },
})

export default script
if (isMain(import.meta)) await script.start()
