import { formatAzLine } from '../config/config.ts'
import { unknownError } from '../util/errors.ts'
import { parseJson } from '../util/json.ts'
import { hasFields, isText } from '../util/shape.ts'

/**
 * Parses what az printed. Throws (exit 3) when that is not JSON, or not what was asked for: a program in the place of az,
 * or a proxy, may print anything.
 * @param fits whether the value is what was asked for
 */
export function parseAnswer<Value>(stdout: string, fits: (value: Partial<Value>) => boolean): Value {
  const value = parseJson<Value>(stdout)
  if (value !== undefined && fits(value)) return value
  throw unknownError(
    'az answered with something other than what was asked for',
    stdout.slice(0, 2000),
    `Check that az on your PATH is the Azure CLI, and what it prints: ${formatAzLine('az account show --output json')}`,
  )
}

/** Whether it is an object with a name, as every resource has. */
export const isNamed = hasFields({ name: isText })
