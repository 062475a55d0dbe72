#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'

await defineScript({
  name: 'provision',
  summary: 'create or change the data tier: registry, PostgreSQL with its tables, Redis',
  changes: true,
  async main(run) {
    const { runTasks } = await import('../../lib/deploy/runTasks.ts')
    return runTasks(run, {
      script: 'provision',
      needsVps: false,
      async list(context) {
        const { provisionList } = await import('../../lib/deploy/azureTasks.ts')
        return { steps: provisionList(context) }
      },
    })
  },
})
