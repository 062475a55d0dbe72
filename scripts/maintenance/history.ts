#!/usr/bin/env node
import { defineScript, isMain } from '../../lib/cli/defineScript.ts'
import { withContext } from '../../lib/deploy/context.ts'
import type { HistoryFlags } from '../../lib/deploy/receipts/history.ts'
import { usageError } from '../../lib/util/errors.ts'
import { parseNumber } from '../../lib/util/number.ts'

const script = defineScript<HistoryFlags>({
  name: 'history',
  summary: 'Show the deploy receipts of this machine and the VPS in one table',
  changes: false,
  options(parser) {
    parser
      .option('--lines <number>', 'Number of receipts, newest first (default: 20)', wholeNumber)
      .option('--show <id>', 'Show one receipt in full; a prefix of its id is enough')
      .option('--diff <id...>', 'Show the differences between two receipts: --diff A B')
  },
  // ssh: prints the files in /var/lib/codex-dominion/receipts.
  run: (run) =>
    withContext(run, 'history', false, async (context) => {
      await context.runner.beginConnecting(context.server)
      const { showHistory } = await import('../../lib/deploy/receipts/history.ts')
      return showHistory(run, context)
    }),
})

function wholeNumber(text: string): number {
  const number = parseNumber(text, { whole: true, minimum: 1, maximum: 9999 })
  if (number !== undefined) return number
  throw usageError(`--lines=${text} is not a number from 1 to 9999`)
}

export default script
if (isMain(import.meta)) await script.start()
