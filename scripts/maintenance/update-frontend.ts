#!/usr/bin/env node
import { script } from '../../lib/cli/script.ts'

await script({
  name: 'update-frontend',
  summary: 'build and publish the dashboard, verify what is served, and go back when it is not whole',
  changes: true,
  async main(run) {
    const { performSteps } = await import('../../lib/deploy/perform.ts')
    return performSteps(run, {
      script: 'update-frontend',
      needsVps: true,
      list: async (context) => (await import('../../lib/deploy/updateLists.ts')).updateFrontendList(context),
      farewell: ({ config }) => [`https://${config.domain}/`],
    })
  },
})
