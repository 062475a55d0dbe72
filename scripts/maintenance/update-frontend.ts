#!/usr/bin/env node
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

const script = defineTaskScript({
  name: 'update-frontend',
  summary: 'Build and publish the dashboard, verify what is served, and roll back if it is broken',
  needsVps: true,
  tasks(context, _flags, factories) {
    const { onEachServer, nginxHttpsTask, buildTask, uploadTask, switchTask, purgeTasks } = factories
    const { verifyFrontendTask, getFact } = factories
    // nginx first: the result is checked at addresses that its configuration provides.
    const nginx = onEachServer(context, (each) => nginxHttpsTask(each))
    // npm ci, npm run build
    const build = buildTask(context)
    const uploads = onEachServer(context, (each) => uploadTask(each, { build }))
    const swaps = onEachServer(context, (each, index) => switchTask(each, uploads[index]!, uploads))
    const purge = purgeTasks(context, ...swaps)
    // Rolls back to the previous release when visitors do not get all of this one.
    const verify = verifyFrontendTask(context, { swaps, after: [...purge, ...nginx] })
    return {
      tasks: [...nginx, build, ...uploads, ...swaps, ...purge, verify],
      receipt: (outcomes) => ({
        frontend: getFact(outcomes, verify)?.live ?? getFact(outcomes, swaps[0])?.to ?? '',
      }),
      summary: () => [`https://${context.config.domain}/`],
    }
  },
})

export default script
if (isMain(import.meta)) await script.start()
