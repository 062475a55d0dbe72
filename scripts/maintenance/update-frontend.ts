#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'

await defineScript({
  name: 'update-frontend',
  summary: 'build and publish the dashboard, verify what is served, and go back when it is not whole',
  changes: true,
  async main(run) {
    const { runTasks } = await import('../../lib/deploy/runTasks.ts')
    return runTasks(run, {
      script: 'update-frontend',
      needsVps: true,
      list: async (context) => (await import('../../lib/deploy/updateTasks.ts')).updateFrontendList(context),
      summary: ({ config }) => [`https://${config.domain}/`],
    })
  },
})
