import type { Command as Parser } from 'commander'
import { usageError } from '../util/errors.ts'

// British English puts no comma before "or".
const listFormat = new Intl.ListFormat('en-GB', { type: 'disjunction' })

/** Reports a value that is not one of an argument's or a flag's choices in this toolbox's words instead of Commander's. */
export function explainChoices(parser: Parser, next: string): void {
  const flags = parser.options.map((option) => ({ option, name: option.long ?? option.flags }))
  const words = parser.registeredArguments.map((option) => ({ option, name: option.name() }))
  for (const { option, name } of [...flags, ...words]) {
    const { argChoices, parseArg } = option
    if (!argChoices) continue
    option.argParser((value: string, previous: unknown) => {
      if (argChoices.includes(value)) return parseArg?.(value, previous)
      throw usageError(`${name} must be ${listFormat.format(argChoices)}, not ${value || 'empty'}`, next)
    })
  }
}
