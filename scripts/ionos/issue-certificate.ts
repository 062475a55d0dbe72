#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'

await defineScript({
  name: 'issue-certificate',
  summary: 'get the certificate for both names, if it is missing or about to end',
  changes: true,
  async main(run) {
    const { runTasks } = await import('../../lib/deploy/runTasks.ts')
    return runTasks(run, {
      script: 'issue-certificate',
      needsVps: true,
      async list(context) {
        const { issueCertificate } = await import('../../lib/vps/taskLists.ts')
        return { steps: issueCertificate(context) }
      },
    })
  },
})
