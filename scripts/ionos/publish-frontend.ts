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
    const published = onEachServer(context, (each) => {
      // A tar stream of the changed files over ssh; the others become hard links.
      const upload = uploadTask(each, { build })
      // mv -T current.new current
      return [upload, switchTask(each, upload)]
    })
    return [build, ...published, ...purgeTasks(context, ...published)]
  },
})

export default script
if (isMain(import.meta)) await script.start()
