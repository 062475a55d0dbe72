#!/usr/bin/env node
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

const script = defineTaskScript({
  name: 'update-frontend',
  summary: 'Build and publish the dashboard, verify what is served, and roll back if it is broken',
  needsVps: true,
  tasks(context, _flags, factories) {
    const { nginxHttpsTask, buildTask, uploadTask, switchTask, purgeTasks, verifyFrontendTask, getFact } =
      factories
    // nginx first: the result is checked at addresses that its configuration provides.
    const nginx = nginxHttpsTask(context)
    // npm ci, npm run build
    const build = buildTask(context)
    const upload = uploadTask(context, { build })
    const swap = switchTask(context, upload)
    const purge = purgeTasks(context, swap)
    // Rolls back to the previous release when visitors do not get all of this one.
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
