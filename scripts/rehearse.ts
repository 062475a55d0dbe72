#!/usr/bin/env node
import { defineScript } from '../lib/cli/defineScript.ts'

interface Flags {
  keep?: boolean
  down?: boolean
  install?: boolean
  latency: string
  name: string
}

await defineScript<Flags>({
  name: 'rehearse',
  summary: 'rehearse the whole deployment on this machine, against real parts',
  changes: false,
  flags: (parser) =>
    parser
      .option('--install', 'install the Debian packages that are missing')
      .option('--keep', 'leave both clouds running, for the other scripts with --env NAME')
      .option('--down', 'take down what --keep left running')
      .option('--latency <sort>', "'realistic' = cloud operations take a tenth of their usual time", 'none')
      .option('--name <name>', 'the environment that is written, .env.NAME', 'rehearsal'),
  async main(run) {
    const { rehearse } = await import('../rehearsal/rehearse.ts')
    return rehearse(run)
  },
})
