#!/usr/bin/env node
import { defineScript, isMain } from '../lib/cli/defineScript.ts'

interface Flags {
  keep?: boolean
  down?: boolean
  install?: boolean
  latency: string
  name: string
  azFrom?: string
  vpsFrom: string
}

const script = defineScript<Flags>({
  name: 'rehearse',
  summary: 'Rehearse the whole deployment on this machine with real software',
  changes: false,
  options: (parser) =>
    parser
      .option('--install', 'Install the missing Debian packages')
      .option('--keep', 'Keep both simulated clouds running for other scripts (use --env NAME)')
      .option('--down', 'Take down what --keep left running')
      .option(
        '--latency <kind>',
        "Latency of simulated cloud operations: 'none', or 'realistic' for a tenth of the usual time",
        'none',
      )
      .option('--name <name>', 'Name of the environment to write (.env.NAME)', 'rehearsal')
      .option(
        '--az-from <release>',
        "Use the az of 'bookworm' (2.45) or 'trixie' (2.74) instead of this machine's",
      )
      .option('--vps-from <release>', "Debian release of the VPS: 'bookworm' or 'trixie'", 'bookworm'),
  async run(run) {
    const { rehearse } = await import('../rehearsal/rehearse.ts')
    return rehearse(run)
  },
})

export default script
if (isMain(import.meta)) await script.start()
