#!/usr/bin/env node
import { script } from '../../lib/cli/defineScript.ts'

await script({
  name: 'publish-frontend',
  summary: 'build the dashboard and publish it atomically, sending only what changed',
  changes: true,
  async main(run) {
    const { performSteps } = await import('../../lib/deploy/runTasks.ts')
    return performSteps(run, {
      script: 'publish-frontend',
      needsVps: true,
      async list(context) {
        const { tellingMarks } = await import('../../lib/deploy/badReleaseWarnings.ts')
        const { publishFrontend } = await import('../../lib/vps/taskLists.ts')
        return { steps: tellingMarks(context, publishFrontend(context)) }
      },
    })
  },
})
