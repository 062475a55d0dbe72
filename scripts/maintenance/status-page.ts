#!/usr/bin/env node
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

const script = defineTaskScript<{ out?: string }>({
  name: 'status-page',
  summary: 'Publish the status page at https://DOMAIN/status/, or write it to a file with --out',
  options: (parser) => parser.option('--out <file>', 'Write the page to this file instead of publishing it'),
  needsVps: ({ out }) => out === undefined,
  unrecorded: true,
  // ssh: mv -T status/.new status/index.html
  tasks: async (context, { out }, { onEachServer }) => {
    const { pageTask } = await import('../../lib/monitoring/statusPage/task.ts')
    return out === undefined ? onEachServer(context, (each) => pageTask(each, out)) : [pageTask(context, out)]
  },
})

export default script
if (isMain(import.meta)) await script.start()
