#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'
import type { MetricsFlags } from '../../lib/metrics/metrics.ts'

await defineScript<MetricsFlags>({
  name: 'metrics',
  summary: 'CPU, memory and network of the containers, as a table or a page of charts',
  changes: false,
  flags(parser) {
    parser
      .option('--since <time>', 'from when: 1h, 6h, 1d, 7d, or a date and time', '1h')
      .option('--html <file>', 'write a page of charts, too')
  },
  async main(run) {
    const { parseMetricsFlags: readMetricsFlags, showMetrics } = await import('../../lib/metrics/metrics.ts')
    const asked = readMetricsFlags(run.flags)
    const { withContext } = await import('../../lib/deploy/context.ts')
    return withContext(run, 'metrics', false, (context) => showMetrics(run, context, asked))
  },
})
