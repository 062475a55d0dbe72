#!/usr/bin/env node
import { defineScript, isMain } from '../../lib/cli/defineScript.ts'
import { monthlyEstimate } from '../../lib/cost/estimate.ts'
import { compareWithOriginal } from '../../lib/cost/originalEstimate.ts'
import { formatEstimate } from '../../lib/cost/report.ts'
import { withContext } from '../../lib/deploy/context.ts'
import { exitCode } from '../../lib/util/errors.ts'

interface Flags {
  offline?: boolean
}

const script = defineScript<Flags>({
  name: 'cost',
  summary: 'Estimate what the configured system costs a month, part by part (needs no login)',
  changes: false,
  options(parser) {
    parser.option('--offline', 'Use the dated table instead of the public price list')
  },
  run: (run) =>
    withContext(run, 'cost', false, async (context) => {
      const estimate = await monthlyEstimate(context, run.flags)
      const compared = compareWithOriginal(context.config, estimate)
      const complete = estimate.total !== null
      run.result(formatEstimate(estimate, compared), { ok: complete, ...estimate, document: compared })
      return complete ? exitCode.done : exitCode.unknown
    }),
})

export default script
if (isMain(import.meta)) await script.start()
