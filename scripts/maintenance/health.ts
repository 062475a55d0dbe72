#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'
import type { HealthFlags } from '../../lib/monitoring/options.ts'

await defineScript<HealthFlags>({
  name: 'health',
  summary: 'ask everything at once how it is; one line for cron, history, alerts; --quick needs no login',
  changes: false,
  stopsAtOnce: true,
  // Exit codes are those of a monitoring plugin: what keeps it from looking is UNKNOWN.
  failure: { exitCode: 3, line: (what) => `UNKNOWN - ${what.replaceAll(/\s+/g, ' ').replaceAll('|', '¦')}` },
  flags(parser) {
    parser
      .option('--quick', 'only what needs no login')
      .option('--only <ids>', 'these probes; several with commas')
      .option('--targets <file>', 'more URLs to ask, one a line: [name] URL [warning,critical]')
      .option('--from <where>', 'vps: look from there, too')
      .option(
        '--format <name>',
        'plugin, json, table or openmetrics (default: table on a terminal, else plugin)',
      )
      .option('--fail-after <looks>', 'bad looks in a row that make an incident (default: 3)')
      .option('--recover-after <looks>', 'good looks in a row that end it (default: 2)')
      .option('--remind <time>', 'while it lasts, tell again after 30m, 1d …; 0: never (default: 6h)')
      .option(
        '--test-alert [channel]',
        'send a test by webhook, slack, teams, email, or by all that are set up',
      )
  },
  async main(run) {
    const { health } = await import('../../lib/monitoring/health.ts')
    return health(run)
  },
})
