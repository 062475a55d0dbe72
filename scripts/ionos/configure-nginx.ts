#!/usr/bin/env node
import { script } from '../../lib/cli/script.ts'

await script({
  name: 'configure-nginx',
  summary: 'write the nginx configuration, test it, put it in force or back',
  changes: true,
  async main(run) {
    const { performSteps } = await import('../../lib/deploy/perform.ts')
    return performSteps(run, {
      script: 'configure-nginx',
      needsVps: true,
      async list(context) {
        const { configureNginx } = await import('../../lib/ionos/steps.ts')
        return { steps: configureNginx(context) }
      },
    })
  },
})
