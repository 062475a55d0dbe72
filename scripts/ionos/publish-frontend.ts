#!/usr/bin/env node
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

const script = defineTaskScript({
  name: 'publish-frontend',
  summary: 'Build the dashboard and publish it atomically, sending only what changed',
  needsVps: true,
  tasks(context, _flags, { buildTask, purgeTasks, switchTask, uploadTask }) {
    // npm ci, npm run build
    const build = buildTask(context)
    // A tar stream of the changed files over ssh; the others become hard links.
    const upload = uploadTask(context, { build })
    // mv -T current.new current
    const swap = switchTask(context, upload)
    return [build, upload, swap, ...purgeTasks(context, swap)]
  },
})

export default script
if (isMain(import.meta)) await script.start()
