#!/usr/bin/env node
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

import { verifyFrontendTask } from '../../lib/deploy/rollback/verifyFrontend.ts'
import { getFact } from '../../lib/tasks/engine.ts'
import { buildTask } from '../../lib/vps/frontend/build.ts'
import { switchTask, uploadTask } from '../../lib/vps/frontend/publish.ts'
import { purgeTasks } from '../../lib/vps/frontend/purge.ts'
import { nginxHttpsTask } from '../../lib/vps/nginx/tasks.ts'

const script = defineTaskScript({
  name: 'update-frontend',
  summary: 'Build and publish the dashboard, verify what is served, and roll back if it is broken',
  needsVps: true,
  tasks(context) {
    // nginx first: what is served is checked at addresses that its configuration gives.
    const nginx = nginxHttpsTask(context)
    // npm ci, npm run build
    const build = buildTask(context)
    const upload = uploadTask(context, { build })
    const swap = switchTask(context, upload)
    const purge = purgeTasks(context, swap)
    // Goes back to the release before when visitors do not get this one whole.
    const verify = verifyFrontendTask(context, { swap, after: [...purge, nginx] })
    return {
      tasks: [nginx, build, upload, swap, ...purge, verify],
      receipt: (outcomes) => ({
        frontend: getFact(outcomes, verify)?.live ?? getFact(outcomes, swap)?.to ?? '',
      }),
      summary: () => [`https://${context.config.domain}/`],
    }
  },
})

export default script
if (isMain(import.meta)) await script.start()
