#!/usr/bin/env node
import { defineScript } from '../lib/cli/defineScript.ts'
import type { DeployFlags } from '../lib/deploy/deployTasks.ts'
import { usageError } from '../lib/util/errors.ts'

await defineScript<DeployFlags>({
  name: 'deploy-complete',
  summary: 'take both clouds from whatever is there to a working, verified site',
  changes: true,
  flags: (parser) =>
    parser
      .option('--skip-azure', 'leave the core as it is')
      .option('--skip-ionos', 'leave the face as it is')
      .option('--quick', 'use the newest existing image that is not marked as bad; build none'),
  legacyFlags: { '-skipazure': '--skip-azure', '-skipionos': '--skip-ionos', '-quickdeploy': '--quick' },
  async main(run) {
    const { skipAzure, skipIonos } = run.flags
    if (skipAzure && skipIonos)
      throw usageError('--skip-azure and --skip-ionos together leave nothing to do', 'Give one of them.')
    const { runTasks } = await import('../lib/deploy/runTasks.ts')
    return runTasks(run, {
      script: 'deploy-complete',
      needsVps: !skipIonos,
      list: async (context) => (await import('../lib/deploy/deployTasks.ts')).deployList(context, run.flags),
      summary: ({ config }) => (skipIonos ? [] : [`https://${config.domain}/`]),
    })
  },
})
