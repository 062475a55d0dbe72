#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'
import type { HistoryFlags } from '../../lib/deploy/receipts/history.ts'
import { usageError } from '../../lib/util/errors.ts'
import { parseNumber } from '../../lib/util/number.ts'

await defineScript<HistoryFlags>({
  name: 'history',
  summary: 'the receipts of deploys, of this machine and of the VPS, as one table',
  changes: false,
  flags(parser) {
    parser
      .option('--lines <number>', 'how many, the newest first (20)', wholeNumber)
      .option('--show <id>', 'one receipt in full; the beginning of its id is enough')
      .option('--diff <id...>', 'what differs between two: --diff A B')
  },
  async main(run) {
    const { withContext } = await import('../../lib/deploy/context.ts')
    return withContext(run, 'history', false, async (context) => {
      await context.runner.beginVps()
      return (await import('../../lib/deploy/receipts/history.ts')).showHistory(run, context)
    })
  },
})

function wholeNumber(text: string): number {
  const number = parseNumber(text, { whole: true, minimum: 1, maximum: 9999 })
  if (number !== undefined) return number
  throw usageError(`--lines=${text} is not a number from 1 to 9999`)
}
