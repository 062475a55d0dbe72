#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'
import { keys } from '../../lib/config/schema.ts'
import type { ScaleFlags } from '../../lib/deploy/scale/scale.ts'
import { usageError } from '../../lib/util/errors.ts'
import { parseNumber } from '../../lib/util/number.ts'

await defineScript<ScaleFlags>({
  name: 'scale',
  summary: 'change size or number of the containers; shows the monthly cost before and after',
  changes: true,
  flags(parser) {
    parser
      .argument('[part]', 'backend or worker')
      .action((part?: string) => {
        parser.setOptionValue('part', part)
      })
      .option('--cpu <cores>', 'CPU cores of the container', numberOf('--cpu'))
      .option('--memory <GB>', 'memory of the container', numberOf('--memory'))
      .option('--workers <number>', 'how many worker container groups', workersOf)
      .option('--save', 'write the size into .env, too: the next deploy goes by it')
  },
  async main(run) {
    const { scale } = await import('../../lib/deploy/scale/scale.ts')
    return scale(run)
  },
})

function numberOf(flag: string) {
  return (text: string): number => {
    const number = parseNumber(text, { maximum: 9999 })
    if (number !== undefined) return number
    throw usageError(`${flag}=${text} is not a number`, 'Give a number such as 2 or 1.5.')
  }
}

function workersOf(text: string): number {
  const { minimum, maximum } = keys.WORKER_COUNT
  const number = parseNumber(text, { whole: true, minimum, maximum })
  if (number !== undefined) return number
  throw usageError(`--workers=${text} is not a whole number from ${minimum} to ${maximum}`)
}
