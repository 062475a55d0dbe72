#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'

await defineScript<{ inPlace?: boolean }>({
  name: 'update-backend',
  summary: 'build the backend and release it with no failed request, or go back by itself',
  changes: true,
  flags: (parser) =>
    parser.option('--in-place', 'the old way: replace it where it stands; requests fail meanwhile'),
  async main(run) {
    const { runTasks } = await import('../../lib/deploy/runTasks.ts')
    return runTasks(run, {
      script: 'update-backend',
      needsVps: true,
      async list(context) {
        const { updateBackendList } = await import('../../lib/deploy/updateTasks.ts')
        return updateBackendList(context, { inPlace: run.flags.inPlace ?? false })
      },
    })
  },
})
