import { refuse } from './errors.ts'
import type { Bag } from './json.ts'

const getType = (value: unknown): string => {
  if (Array.isArray(value)) return 'array'
  if (Number.isInteger(value)) return 'int'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

const invalid = (text: string) => refuse('templateValidation', { text })

const constraints = ['type', 'defaultValue', 'allowedValues', 'minValue', 'maxValue', 'metadata']

function checkValue(name: string, declared: Bag, value: unknown): void {
  const unknown = Object.keys(declared).find((key) => !constraints.includes(key))
  if (unknown) throw refuse('unsupportedTemplate', { what: `'${unknown}' of a parameter` })
  const wanted = String(declared.type ?? '').toLowerCase()
  const type = { securestring: 'string', secureobject: 'object' }[wanted] ?? wanted
  if (!['string', 'int', 'bool', 'object', 'array'].includes(type))
    throw invalid(`The template parameter '${name}' has the unknown type '${declared.type}'`)
  if (getType(value) !== type)
    throw invalid(
      `Template parameter JToken type is not valid. Expected '${type}'. Actual '${getType(value)}' for the parameter '${name}'`,
    )
  // Secret values must not reach an error message.
  const shown = wanted.startsWith('secure') ? '(secure value)' : String(value)
  if (Array.isArray(declared.allowedValues) && !declared.allowedValues.includes(value))
    throw invalid(
      `The provided value '${shown}' for the template parameter '${name}' is not valid. The value is not part of the ` +
        `allowed value(s): '${declared.allowedValues.join(',')}'.`,
    )
  if (typeof value === 'number' && (declared.minValue > value || declared.maxValue < value))
    throw invalid(
      `The provided value '${value}' for the template parameter '${name}' is not valid. It must be between ` +
        `'${declared.minValue}' and '${declared.maxValue}'`,
    )
}

/**
 * The parameters of a deployment: given ones checked, defaults filled in.
 * @param evaluateDefault evaluates a default value with the parameters known so far
 */
export function takeParameters(
  declared: Bag,
  given: Bag,
  evaluateDefault: (value: unknown, known: Bag) => unknown,
): Bag {
  const unknown = Object.keys(given).filter((name) => !(name in declared))
  if (unknown.length > 0)
    throw invalid(
      `The following parameters were supplied, but do not correspond to any parameters defined in the template: ` +
        `'${unknown.join(', ')}'. The parameters defined in the template are: '${Object.keys(declared).join(', ')}'`,
    )
  const known: Bag = {}
  for (const [name, declaration] of Object.entries<Bag>(declared)) {
    const value = given[name]?.value ?? evaluateDefault(declaration.defaultValue, known)
    if (value === undefined)
      throw invalid(
        `The value for the template parameter '${name}' is not provided. Please see https://aka.ms/arm-pass-parameter-values`,
      )
    checkValue(name, declaration, value)
    known[name] = value
  }
  return known
}

/** Parameters as a deployment shows them afterwards: secure ones without value. */
export function shownParameters(declared: Bag, values: Bag): Bag {
  return Object.fromEntries(
    Object.entries<Bag>(declared).map(([name, { type }]) => {
      const secure = String(type).toLowerCase().startsWith('secure')
      return [name, secure ? { type: 'SecureString' } : { type, value: values[name] }]
    }),
  )
}
