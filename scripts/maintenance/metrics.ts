#!/usr/bin/env node
import { defineScript, isMain } from '../../lib/cli/defineScript.ts'
import { withContext } from '../../lib/deploy/context.ts'
import type { MetricsFlags } from '../../lib/metrics/metrics.ts'

const script = defineScript<MetricsFlags>({
  name: 'metrics',
  summary: 'Show CPU, memory and network of the containers, as a table or a page of charts',
  changes: false,
  options(parser) {
    parser
      .option('--since <time>', 'Start: 1h, 6h, 1d, 7d, or a date and time', '1h')
      .option('--html <file>', 'Also write a page of charts')
  },
  // az rest --method get --url …/providers/Microsoft.Insights/metrics, once for each container group
  async run(run) {
    const { parseMetricsFlags, showMetrics } = await import('../../lib/metrics/metrics.ts')
    const asked = parseMetricsFlags(run.flags)
    return withContext(run, 'metrics', false, (context) => showMetrics(run, context, asked))
  },
})

export default script
if (isMain(import.meta)) await script.start()
