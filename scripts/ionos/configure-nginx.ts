#!/usr/bin/env node
import { script } from '../../lib/cli/defineScript.ts'

await script({
  name: 'configure-nginx',
  summary: 'write the nginx configuration, test it, put it in force or back',
  changes: true,
  async main(run) {
    const { performSteps } = await import('../../lib/deploy/runTasks.ts')
    return performSteps(run, {
      script: 'configure-nginx',
      needsVps: true,
      async list(context) {
        const { configureNginx } = await import('../../lib/vps/taskLists.ts')
        return { steps: configureNginx(context) }
      },
    })
  },
})
