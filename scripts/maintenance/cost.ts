#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'

interface Flags {
  offline?: boolean
}

await defineScript<Flags>({
  name: 'cost',
  summary: 'what the configured system costs a month, part by part (needs no login)',
  changes: false,
  flags(parser) {
    parser.option('--offline', 'use the dated table, do not ask the public price list')
  },
  async main(run) {
    const [
      { withContext },
      { monthlyEstimate },
      { compareWithOriginal },
      { formatEstimate: costText },
      { exitCode },
    ] = await Promise.all([
      import('../../lib/deploy/context.ts'),
      import('../../lib/cost/estimate.ts'),
      import('../../lib/cost/originalEstimate.ts'),
      import('../../lib/cost/report.ts'),
      import('../../lib/util/errors.ts'),
    ])
    return withContext(run, 'cost', false, async (context) => {
      const estimate = await monthlyEstimate(context, run.flags)
      const compared = compareWithOriginal(context.config, estimate)
      const complete = estimate.total !== null
      run.result(costText(estimate, compared), { ok: complete, ...estimate, document: compared })
      return complete ? exitCode.done : exitCode.unknown
    })
  },
})
