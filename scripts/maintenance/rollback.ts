#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'
import type { RollbackFlags } from '../../lib/deploy/rollback/tasks.ts'

await defineScript<RollbackFlags>({
  name: 'rollback',
  summary: 'go back to an earlier release of the frontend or the backend',
  changes: true,
  flags(parser) {
    parser
      .argument('[part]', 'frontend or backend')
      .action((part?: string) => void parser.setOptionValue('part', part))
      .option('--to <id>', 'this release (the beginning of its id is enough) instead of the one before')
      .option('--list', 'show the releases: when, from which revision, which is live, which is bad')
      .option('--mark-bad', 'mark the release that is left, so that nothing goes back to it')
      .option('--why <words>', 'what the mark says')
      .option('--clear-bad <id>', 'take the mark off a release; rolls nothing back')
  },
  async main(run) {
    const { rollback } = await import('../../lib/deploy/rollback/rollback.ts')
    return rollback(run)
  },
})
