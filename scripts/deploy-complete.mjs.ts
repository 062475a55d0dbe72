#!/usr/bin/env node
import { script } from '../lib/cli/script.ts'
import { usageError } from '../lib/command/errors.ts'
import type { DeployFlags } from '../lib/deploy/deployList.ts'

await script<DeployFlags>({
  name: 'deploy-complete',
  summary: 'take both clouds from whatever is there to a working, verified site',
  changes: true,
  flags: (parser) =>
    parser
      .option('--skip-azure', 'leave the core as it is')
      .option('--skip-ionos', 'leave the face as it is')
      .option('--quick', 'use the newest existing image that is not marked as bad; build none'),
  oldSpellings: { '-skipazure': '--skip-azure', '-skipionos': '--skip-ionos', '-quickdeploy': '--quick' },
  async main(run) {
    const { skipAzure, skipIonos } = run.flags
    if (skipAzure && skipIonos)
      throw usageError('--skip-azure and --skip-ionos together leave nothing to do', 'Give one of them.')
    const { performSteps } = await import('../lib/deploy/perform.ts')
    return performSteps(run, {
      script: 'deploy-complete',
      needsVps: !skipIonos,
      list: async (context) => (await import('../lib/deploy/deployList.ts')).deployList(context, run.flags),
      farewell: ({ config }) => (skipIonos ? [] : [`https://${config.domain}/`]),
    })
  },
})
