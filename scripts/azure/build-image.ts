#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'

await defineScript({
  name: 'build-image',
  summary: 'build the backend image in Azure from the sources, unless it is there',
  changes: true,
  async main(run) {
    const { runTasks } = await import('../../lib/deploy/runTasks.ts')
    return runTasks(run, {
      script: 'build-image',
      needsVps: false,
      async list(context) {
        const { imageList } = await import('../../lib/deploy/azureTasks.ts')
        return { steps: imageList(context) }
      },
    })
  },
})
