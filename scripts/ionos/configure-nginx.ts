#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'

await defineScript({
  name: 'configure-nginx',
  summary: 'write the nginx configuration, test it, put it in force or back',
  changes: true,
  async main(run) {
    const { runTasks } = await import('../../lib/deploy/runTasks.ts')
    return runTasks(run, {
      script: 'configure-nginx',
      needsVps: true,
      async list(context) {
        const { configureNginx } = await import('../../lib/vps/taskLists.ts')
        return { steps: configureNginx(context) }
      },
    })
  },
})
