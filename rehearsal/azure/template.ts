import { badRequest } from './errors.ts'
import { type Expression, expressionIn, parseExpression } from './expression.ts'
import { pureFunctions } from './functions.ts'
import type { Bag } from './json.ts'

// biome-ignore lint/suspicious/noExplicitAny: template values are of any JSON type
type Value = any

/** What the functions of a template may access. */
export interface Scope {
  parameters: Bag
  variables: Bag
  subscription: { subscriptionId: string; tenantId: string; displayName: string; id: string }
  resourceGroup: Bag
  deployment: string
  /** The properties (or everything, with `full`) of an existing resource, by name or id. */
  reference(resource: string, full: boolean): Value
}

const functionTable = Object.fromEntries(
  Object.entries(pureFunctions).map(([name, run]) => [name.toLowerCase(), run]),
)

const missing = (kind: string, name: string): never => {
  throw badRequest(
    'InvalidTemplate',
    `The template ${kind} '${name}' is not found. Declare it in the template's ${kind}s.`,
  )
}

/** `resourceId([subscription], [group], type, name…)`. */
export function resourceId(scope: Scope, values: string[]): string {
  const at = values.findIndex((value) => value.includes('/'))
  if (at < 0) throw badRequest('InvalidTemplate', `resourceId(${values.join(', ')}) names no resource type.`)
  const before = values.slice(0, at)
  const [namespace = '', ...types] = values[at]!.split('/')
  const names = values.slice(at + 1).flatMap((name) => name.split('/'))
  if (types.length !== names.length)
    throw badRequest(
      'InvalidTemplate',
      `Unable to evaluate template language function 'resourceId': the type '${values[at]}' requires '${types.length}' ` +
        `resource name argument(s), '${names.length}' given.`,
    )
  const group = before.at(-1) ?? scope.resourceGroup.name
  const subscription = before.length > 1 ? before[0] : scope.subscription.subscriptionId
  const pairs = types.map((type, index) => `${type}/${names[index]}`).join('/')
  return `/subscriptions/${subscription}/resourceGroups/${group}/providers/${namespace}/${pairs}`
}

function member(of: Value, key: Value, origin: string): Value {
  if (Array.isArray(of) || typeof of === 'string') {
    if (of[key] !== undefined) return of[key]
  } else if (of && typeof of === 'object') {
    const name = Object.keys(of).find((each) => each.toLowerCase() === String(key).toLowerCase())
    if (name !== undefined) return of[name]
  }
  throw badRequest(
    'InvalidTemplate',
    `The language expression property '${key}' doesn't exist${
      of && typeof of === 'object' ? `, available properties are '${Object.keys(of).join(', ')}'` : ''
    }. It is read in '${origin}'.`,
  )
}

function call(scope: Scope, name: string, expressions: Expression[], origin: string): Value {
  const value = (index: number): Value => {
    const expression = expressions[index]
    if (!expression)
      throw badRequest(
        'InvalidTemplate',
        `The template function '${name}' needs argument ${index + 1} in '${origin}'.`,
      )
    return run(scope, expression, origin)
  }
  const all = (): Value[] => expressions.map((each) => run(scope, each, origin))
  switch (name.toLowerCase()) {
    case 'parameters':
      return value(0) in scope.parameters ? scope.parameters[value(0)] : missing('parameter', value(0))
    case 'variables':
      return value(0) in scope.variables
        ? evaluate(scope, scope.variables[value(0)])
        : missing('variable', value(0))
    case 'if':
      return value(0) ? value(1) : value(2)
    case 'and':
      return expressions.every((_, index) => value(index))
    case 'or':
      return expressions.some((_, index) => value(index))
    case 'resourceid':
      return resourceId(scope, all())
    case 'resourcegroup':
      return scope.resourceGroup
    case 'subscription':
      return scope.subscription
    case 'tenant':
      return { tenantId: scope.subscription.tenantId }
    case 'deployment':
      return { name: scope.deployment }
    case 'reference':
      return scope.reference(value(0), expressions.length > 2 && value(2) === 'Full')
  }
  const pure = functionTable[name.toLowerCase()]
  if (!pure)
    throw badRequest('InvalidTemplate', `The template function '${name}' is not valid here (in '${origin}').`)
  return pure(...all())
}

function run(scope: Scope, expression: Expression, origin: string): Value {
  if (expression.kind === 'literal') return expression.value
  if (expression.kind === 'member')
    return member(run(scope, expression.of, origin), run(scope, expression.key, origin), origin)
  return call(scope, expression.name, expression.arguments, origin)
}

/** A template value with every expression in it replaced by its result. */
export function evaluate(scope: Scope, value: Value): Value {
  if (typeof value === 'string') {
    const expression = expressionIn(value)
    if (expression === undefined) return value.startsWith('[[') ? value.slice(1) : value
    return run(scope, parseExpression(expression), value)
  }
  if (Array.isArray(value)) return value.map((each) => evaluate(scope, each))
  if (value && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, evaluate(scope, each)]))
  return value
}

/** Every expression anywhere inside a template value. */
export function listExpressions(value: Value): Expression[] {
  if (typeof value === 'string') {
    const expression = expressionIn(value)
    return expression === undefined ? [] : [parseExpression(expression)]
  }
  if (value && typeof value === 'object') return Object.values(value).flatMap(listExpressions)
  return []
}
