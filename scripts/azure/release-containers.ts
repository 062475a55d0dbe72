#!/usr/bin/env node
import { script } from '../../lib/cli/script.ts'

await script<{ quick?: boolean }>({
  name: 'release-containers',
  summary: 'release the image to backend and worker without downtime',
  changes: true,
  flags: (parser) =>
    parser.option(
      '--quick',
      'release the newest existing image that is not marked as bad, not the one of these sources',
    ),
  async main(run) {
    const { performSteps } = await import('../../lib/deploy/perform.ts')
    return performSteps(run, {
      script: 'release-containers',
      needsVps: false,
      async list(context) {
        const { releaseList } = await import('../../lib/deploy/azureLists.ts')
        const { proxyOf } = await import('../../lib/ionos/backendTarget.ts')
        return { steps: releaseList(context, { quick: run.flags.quick, proxy: proxyOf(context) }) }
      },
    })
  },
})
