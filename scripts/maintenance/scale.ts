#!/usr/bin/env node
import { defineScript, isMain } from '../../lib/cli/defineScript.ts'
import { keys } from '../../lib/config/schema.ts'
import type { Scaled, ScaleFlags } from '../../lib/deploy/scale.ts'
import { usageError } from '../../lib/util/errors.ts'
import { parseNumber } from '../../lib/util/number.ts'

const script = defineScript<ScaleFlags>({
  name: 'scale',
  summary: 'Change the size or number of the containers; show the monthly cost before and after',
  changes: true,
  options(parser) {
    parser
      .addArgument(parser.createArgument('[part]', 'What to scale').choices(['backend', 'worker']))
      .action((part?: Scaled) => {
        parser.setOptionValue('part', part)
      })
      .option('--cpu <cores>', 'CPU cores of a container', parseSize('--cpu'))
      .option('--memory <GB>', 'Memory of a container', parseSize('--memory'))
      .option('--workers <number>', 'Number of worker container groups', parseWorkers)
      .option('--save', "Also store the size in the environment's file, so that the next deploy keeps it")
  },
  // `az container create --file`, with the new size; `--save` stores it in the environment's file.
  run: async (run) => (await import('../../lib/deploy/scale.ts')).scale(run),
})

function parseSize(flag: string) {
  return (text: string): number => {
    const number = parseNumber(text, { maximum: 9999 })
    if (number !== undefined) return number
    throw usageError(`${flag}=${text} is not a number`, 'Use a number such as 2 or 1.5.')
  }
}

function parseWorkers(text: string): number {
  const { minimum, maximum } = keys.WORKER_COUNT
  const number = parseNumber(text, { whole: true, minimum, maximum })
  if (number !== undefined) return number
  throw usageError(`--workers=${text} is not a whole number from ${minimum} to ${maximum}`)
}

export default script
if (isMain(import.meta)) await script.start()
