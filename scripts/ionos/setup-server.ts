#!/usr/bin/env node
import { script } from '../../lib/cli/script.ts'

await script({
  name: 'setup-server',
  summary: 'install nginx and certbot on the VPS and make its folders',
  changes: true,
  async main(run) {
    const { performSteps } = await import('../../lib/deploy/perform.ts')
    return performSteps(run, {
      script: 'setup-server',
      needsVps: true,
      async list(context) {
        const { setupServer } = await import('../../lib/ionos/steps.ts')
        return { steps: setupServer(context) }
      },
    })
  },
})
