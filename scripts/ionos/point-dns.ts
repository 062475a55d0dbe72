#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'

await defineScript({
  name: 'point-dns',
  summary: 'check that both names point at the VPS; set them when an IONOS API key is there',
  changes: true,
  async main(run) {
    const { runTasks } = await import('../../lib/deploy/runTasks.ts')
    return runTasks(run, {
      script: 'point-dns',
      needsVps: false,
      async list(context) {
        const { pointDns } = await import('../../lib/vps/taskLists.ts')
        return { steps: pointDns(context) }
      },
    })
  },
})
