import { refuse } from './errors.ts'
import { type Bag, sameJson } from './json.ts'

// biome-ignore lint/suspicious/noExplicitAny: template values are of any JSON type
type Value = any

/** What the functions of a template may access. */
export interface Scope {
  parameters: Bag
  variables: Bag
  subscription: string
  resourceGroup: string
}

const invalid = (message: string) => refuse('invalidTemplate', { text: message })

function find(kind: 'parameter' | 'variable', values: Bag, name: string): Value {
  if (name in values) return values[name]
  throw invalid(`The template ${kind} '${name}' is not found. Declare it in the template's ${kind}s.`)
}

function resourceId({ subscription, resourceGroup }: Scope, [type = '', ...names]: string[]): string {
  const [namespace, ...types] = type.split('/')
  if (types.length !== names.length)
    throw invalid(
      `Unable to evaluate template language function 'resourceId': the type '${type}' requires '${types.length}' ` +
        `resource name argument(s), '${names.length}' given.`,
    )
  const pairs = types.map((each, index) => `${each}/${names[index]}`).join('/')
  return `/subscriptions/${subscription}/resourceGroups/${resourceGroup}/providers/${namespace}/${pairs}`
}

/** The functions that infra/data-tier.json uses, by lower-case name; a template with any other one is refused. */
const functions: Record<string, (scope: Scope, values: Value[]) => Value> = {
  parameters: ({ parameters }, [name]) => find('parameter', parameters, name),
  variables: (scope, [name]) => evaluate(scope, find('variable', scope.variables, name)),
  concat: (_scope, values) => values.join(''),
  // Strings are compared without regard to case, as ARM does.
  equals: (_scope, [left, right]) =>
    typeof left === 'string' && typeof right === 'string'
      ? left.toLowerCase() === right.toLowerCase()
      : sameJson(left, right),
  resourceid: resourceId,
}

/**
 * Evaluates the text between `[` and `]`: calls of functions and string literals. Source: "Syntax and expressions in
 * ARM templates" of Azure Resource Manager's documentation.
 */
function evaluateExpression(scope: Scope, text: string): Value {
  const tokens = text.match(/'(?:[^']|'')*'|[A-Za-z]\w*|\S/g) ?? []
  let at = 0
  const fail = (): never => {
    throw invalid(
      `Unable to parse language expression '${text}': unexpected '${tokens[at] ?? 'end'}' in place ${at + 1}.`,
    )
  }
  const take = (wanted: string): void => void (tokens[at] === wanted ? at++ : fail())
  const next = (): Value => {
    const token = tokens[at] ?? fail()
    if (/^'.*'$/s.test(token)) {
      at++
      return token.slice(1, -1).replaceAll("''", "'")
    }
    if (!/^[A-Za-z]/.test(token)) fail()
    const run = functions[token.toLowerCase()]
    if (!run) throw invalid(`The template function '${token}' is not valid here (in '[${text}]').`)
    at++
    take('(')
    const values: Value[] = []
    while (tokens[at] !== ')') {
      if (values.length > 0) take(',')
      values.push(next())
    }
    at++
    return run(scope, values)
  }
  const value = next()
  if (at < tokens.length) fail()
  return value
}

/** A template value with every expression in it replaced by its result. */
export function evaluate(scope: Scope, value: Value): Value {
  if (typeof value === 'string') {
    if (value.startsWith('[[')) return value.slice(1)
    return /^\[.*\]$/s.test(value) ? evaluateExpression(scope, value.slice(1, -1)) : value
  }
  if (Array.isArray(value)) return value.map((each) => evaluate(scope, each))
  if (value && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, evaluate(scope, each)]))
  return value
}
