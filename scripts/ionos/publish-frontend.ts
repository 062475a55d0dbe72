#!/usr/bin/env node
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

const script = defineTaskScript({
  name: 'publish-frontend',
  summary: 'Build the dashboard and publish it atomically, sending only what changed',
  needsVps: true,
  tasks(context, _flags, { buildTask, onEachServer, purgeTasks, switchTask, uploadTask }) {
    // npm ci, npm run build
    const build = buildTask(context)
    // A tar stream of the changed files over ssh; the others become hard links.
    const uploads = onEachServer(context, (each) => uploadTask(each, { build }))
    // mv -T current.new current
    const swaps = onEachServer(context, (each, index) => switchTask(each, uploads[index]!, uploads))
    return [build, ...uploads, ...swaps, ...purgeTasks(context, ...swaps)]
  },
})

export default script
if (isMain(import.meta)) await script.start()
