#!/usr/bin/env node
import { script } from '../../lib/cli/script.ts'

await script({
  name: 'publish-frontend',
  summary: 'build the dashboard and publish it atomically, sending only what changed',
  changes: true,
  async main(run) {
    const { performSteps } = await import('../../lib/deploy/perform.ts')
    return performSteps(run, {
      script: 'publish-frontend',
      needsVps: true,
      async list(context) {
        const { tellingMarks } = await import('../../lib/deploy/marks.ts')
        const { publishFrontend } = await import('../../lib/ionos/steps.ts')
        return { steps: tellingMarks(context, publishFrontend(context)) }
      },
    })
  },
})
