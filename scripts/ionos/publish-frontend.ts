#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'

await defineScript({
  name: 'publish-frontend',
  summary: 'build the dashboard and publish it atomically, sending only what changed',
  changes: true,
  async main(run) {
    const { runTasks } = await import('../../lib/deploy/runTasks.ts')
    return runTasks(run, {
      script: 'publish-frontend',
      needsVps: true,
      async list(context) {
        const { warnIfMarkedBad } = await import('../../lib/deploy/badReleaseWarnings.ts')
        const { publishFrontend } = await import('../../lib/vps/taskLists.ts')
        return { steps: warnIfMarkedBad(context, publishFrontend(context)) }
      },
    })
  },
})
