#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'

interface Flags {
  out?: string
}

await defineScript<Flags>({
  name: 'status-page',
  summary: 'publish https://DOMAIN/status/: state now, 90 days, latency, incidents, deploys; or --out FILE',
  changes: true,
  flags: (parser) => parser.option('--out <file>', 'write the page into this file, and nowhere else'),
  async main(run) {
    const { runTasks } = await import('../../lib/deploy/runTasks.ts')
    return runTasks(run, {
      script: 'status-page',
      needsVps: run.flags.out === undefined,
      unlisted: true,
      list: async (context) =>
        (await import('../../lib/monitoring/statusPage/task.ts')).createStatusPageTasks(
          context,
          run.flags.out,
        ),
    })
  },
})
