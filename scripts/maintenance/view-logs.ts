#!/usr/bin/env node
import { defineScript, isMain } from '../../lib/cli/defineScript.ts'
import { withContext } from '../../lib/deploy/context.ts'
import { parseView, type ViewFlags } from '../../lib/logs/options.ts'
import { parsePastTime } from '../../lib/util/time.ts'

interface Flags extends ViewFlags {
  since?: string
}

const script = defineScript<Flags>({
  name: 'view-logs',
  summary: 'Show the logs of the backend, the workers and nginx, merged by time',
  changes: false,
  endsByCtrlC: ({ follow }) => follow === true,
  options(parser) {
    parser
      .option(
        '--only <names>',
        'Show only these, separated by commas: backend, worker, nginx (= access, error)',
      )
      .option('--since <time>', 'Show only lines since: 30m, 1h, 2d, or a date and time (ISO 8601)')
      .option('--lines <number>', 'Number of lines (default: 100; 10 with --follow; all with --since)')
      .option('--grep <regex>', 'Show only lines whose text matches (case-sensitive)')
      .option('-f, --follow', 'Print new lines until Ctrl-C')
      .addHelpText(
        'after',
        '\nTimes are UTC. With --json and --follow, each line is one JSON document (JSON Lines).',
      )
  },
  // az container logs of each group; tail -F of nginx's logs over ssh
  async run(run) {
    const { since, json } = run.flags
    const view = parseView(run.flags, since === undefined ? undefined : parsePastTime(since))
    return withContext(run, 'view-logs', false, async (context) => {
      if (view.only('access') || view.only('error')) await context.runner.beginConnecting(context.server)
      const { viewLogs } = await import('../../lib/logs/view.ts')
      const { stopping, log } = run
      return viewLogs(context, view, { json: json === true, stopping, log })
    })
  },
})

export default script
if (isMain(import.meta)) await script.start()
