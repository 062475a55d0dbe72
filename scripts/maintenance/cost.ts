#!/usr/bin/env node
import { defineScript, isMain } from '../../lib/cli/defineScript.ts'
import { withContext } from '../../lib/deploy/context.ts'
import { exitCode } from '../../lib/util/errors.ts'

interface Flags {
  offline?: boolean
}

const script = defineScript<Flags>({
  name: 'cost',
  summary: 'Estimate the monthly cost of the configured system, part by part (needs no login)',
  changes: false,
  options(parser) {
    parser.option('--offline', 'Use the bundled price table instead of the public price list')
  },
  // GET https://prices.azure.com/api/retail/prices, once for each service of the configuration.
  run: (run) =>
    withContext(run, 'cost', false, async (context) => {
      const { reportCost } = await import('../../lib/cost/report.ts')
      const { text, data, complete } = await reportCost(context, run.flags)
      run.result(text, data)
      return complete ? exitCode.done : exitCode.unknown
    }),
})

export default script
if (isMain(import.meta)) await script.start()
