#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'
import type { ViewFlags } from '../../lib/logs/options.ts'

interface Flags extends ViewFlags {
  since?: string
}

await defineScript<Flags>({
  name: 'view-logs',
  summary: 'show the logs of backend, workers and nginx, merged by time',
  changes: false,
  endsByCtrlC: ({ follow }) => follow === true,
  flags(parser) {
    parser
      .option('--only <names>', 'of backend, worker, nginx (= access, error); commas between them')
      .option('--since <time>', 'nothing older: 30m, 1h, 2d, or a date and time (ISO 8601)')
      .option('--lines <number>', 'the last so many (100, with --follow 10, with --since all)')
      .option('--grep <regex>', 'only lines whose text matches; the case counts')
      .option('-f, --follow', 'go on with new lines as they come, until Ctrl-C')
      .addHelpText('after', '\nTimes are UTC. With --json and --follow each line is a document (JSON Lines).')
  },
  async main(run) {
    const [{ withContext }, { parsePastTime }, { parseView }] = await Promise.all([
      import('../../lib/deploy/context.ts'),
      import('../../lib/util/time.ts'),
      import('../../lib/logs/options.ts'),
    ])
    const view = parseView(
      run.flags,
      run.flags.since === undefined ? undefined : parsePastTime(run.flags.since),
    )
    return withContext(run, 'view-logs', false, async (context) => {
      if (view.only('access') || view.only('error')) await context.runner.beginVps()
      const { viewLogs } = await import('../../lib/logs/view.ts')
      const { flags, stopping, log: story } = run
      return viewLogs(context, view, { json: flags.json === true, stopping, tell: story })
    })
  },
})
