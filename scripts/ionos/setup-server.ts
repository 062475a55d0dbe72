#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'

await defineScript({
  name: 'setup-server',
  summary: 'install nginx and certbot on the VPS and make its folders',
  changes: true,
  async main(run) {
    const { runTasks } = await import('../../lib/deploy/runTasks.ts')
    return runTasks(run, {
      script: 'setup-server',
      needsVps: true,
      async list(context) {
        const { setupServer } = await import('../../lib/vps/taskLists.ts')
        return { steps: setupServer(context) }
      },
    })
  },
})
