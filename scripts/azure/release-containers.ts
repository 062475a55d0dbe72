#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'

await defineScript<{ quick?: boolean }>({
  name: 'release-containers',
  summary: 'release the image to backend and worker without downtime',
  changes: true,
  flags: (parser) =>
    parser.option(
      '--quick',
      'release the newest existing image that is not marked as bad, not the one of these sources',
    ),
  async main(run) {
    const { runTasks } = await import('../../lib/deploy/runTasks.ts')
    return runTasks(run, {
      script: 'release-containers',
      needsVps: false,
      async list(context) {
        const { releaseList } = await import('../../lib/deploy/azureTasks.ts')
        const { nginxUpstream } = await import('../../lib/vps/nginx/upstream.ts')
        return { steps: releaseList(context, { quick: run.flags.quick, proxy: nginxUpstream(context) }) }
      },
    })
  },
})
