#!/usr/bin/env node
import { defineScript, isMain } from '../../lib/cli/defineScript.ts'
import type { SloFlags } from '../../lib/monitoring/slo/slo.ts'

const script = defineScript<SloFlags>({
  name: 'slo',
  summary: 'Report availability against the SLO, error budget, latency and incidents for a month or a period',
  changes: false,
  options(parser) {
    parser
      .option('--month <month>', 'Month in UTC, such as 2026-11 (default: this one)')
      .option('--since <time>', 'Start: 1d, 2w, or a date and time')
      .option('--until <time>', 'End (default: now)')
      .addOption(
        parser.createOption('--from <place>', 'Location of the checks: here or vps').default('here', 'here'),
      )
  },
  // Reads health.sqlite in the state folder; no command runs.
  async run(run) {
    const { parseSloFlags, showSlo } = await import('../../lib/monitoring/slo/slo.ts')
    return showSlo(run, await run.config(), parseSloFlags(run.flags))
  },
})

export default script
if (isMain(import.meta)) await script.start()
