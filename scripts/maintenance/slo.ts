#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'
import type { SloFlags } from '../../lib/monitoring/slo/slo.ts'

await defineScript<SloFlags>({
  name: 'slo',
  summary:
    'availability against the SLO, error budget, latency and incidents of a month or a range, from the history',
  changes: false,
  flags(parser) {
    parser
      .option('--month <month>', 'a month of UTC as 2026-11 (default: this one)')
      .option('--since <time>', 'from when: 1d, 2w, or a date and time')
      .option('--until <time>', 'until when (default: now)')
      .addOption(
        parser.createOption('--from <place>', 'where it was asked from: here or vps').default('here', 'here'),
      )
  },
  async main(run) {
    const { parseSloFlags: readSloFlags, showSlo } = await import('../../lib/monitoring/slo/slo.ts')
    const range = readSloFlags(run.flags)
    return showSlo(run, await run.config(), range)
  },
})
