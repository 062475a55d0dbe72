#!/usr/bin/env node
import { defineScript, isMain } from '../lib/cli/defineScript.ts'

interface Flags {
  keep?: boolean
  down?: boolean
  install?: boolean
  latency: 'none' | 'realistic'
  name: string
  azFrom?: 'bookworm' | 'trixie'
  vpsFrom: 'bookworm' | 'trixie'
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
      .addOption(
        parser
          .createOption(
            '--latency <kind>',
            "Latency of simulated cloud operations; realistic is a tenth of Azure's",
          )
          .choices(['none', 'realistic'])
          .default('none'),
      )
      .option('--name <name>', 'Name of the environment to write (.env.NAME)', 'rehearsal')
      .addOption(
        parser
          .createOption(
            '--az-from <release>',
            "Use az of bookworm (2.45) or trixie (2.74), not this machine's",
          )
          .choices(['bookworm', 'trixie']),
      )
      .addOption(
        parser
          .createOption('--vps-from <release>', 'Debian release of the VPS')
          .choices(['bookworm', 'trixie'])
          .default('bookworm'),
      ),
  async run(run) {
    const { rehearse } = await import('../rehearsal/rehearse.ts')
    return rehearse(run)
  },
})

export default script
if (isMain(import.meta)) await script.start()
