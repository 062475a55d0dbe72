import { requireOffered, requireTypeLocation, requireVersion } from './catalogue.ts'
import { ArmError, badRequest } from './errors.ts'
import { listCalls } from './expression.ts'
import type { Bag } from './json.ts'
import { takeParameters } from './parameters.ts'
import { findResource, getAddress, getResourceType, requireRegistered, view } from './resources.ts'
import { evaluate, listExpressions, resourceId, type Scope } from './template.ts'
import type { Address } from './types.ts'
import type { ResourceGroup, World } from './world.ts'

/** One resource of a template, not yet evaluated: its body may refer to resources that come before it. */
export interface PlannedResource {
  address: Address
  /** Its own location; undefined for a child. */
  location?: string | undefined
  template: Bag
  /** Lower-case ids of resources of the same template that come first. */
  after: Set<string>
}

export interface DeploymentPlan {
  scope: Scope
  resources: PlannedResource[]
  parameters: Bag
}

function referencedId(scope: Scope, resources: PlannedResource[], given: string): string {
  if (given.startsWith('/')) return given
  const named = resources.filter(({ address }) => address.name.toLowerCase() === given.toLowerCase())
  if (named.length === 1) return named[0]!.address.id
  // dependsOn may also be a `type/name` without subscription: let the full form decide.
  const whole = resources.find(
    ({ address }) => `${address.type}/${address.name}`.toLowerCase() === given.toLowerCase(),
  )
  if (whole) return whole.address.id
  throw badRequest(
    'InvalidTemplate',
    `Deployment template validation failed: 'The resource '${given}' is not defined in the template of '${scope.deployment}'.'`,
  )
}

function getScope(world: World, group: ResourceGroup, name: string): Scope {
  const { id, tenant, name: displayName } = world.subscription
  return {
    parameters: {},
    variables: {},
    subscription: { subscriptionId: id, tenantId: tenant, displayName, id: `/subscriptions/${id}` },
    resourceGroup: {
      id: `/subscriptions/${id}/resourceGroups/${group.name}`,
      name: group.name,
      type: 'Microsoft.Resources/resourceGroups',
      location: group.location,
      tags: group.tags,
      properties: { provisioningState: 'Succeeded' },
    },
    deployment: name,
    reference() {
      throw badRequest(
        'InvalidTemplate',
        "The template function 'reference' is not expected at this location.",
      )
    },
  }
}

/** Nested `resources` become separate resources with full type and name, after their parent. */
function flatten(templates: Bag[], parent?: Bag): Bag[] {
  return templates.flatMap((template) => {
    const own = parent
      ? {
          ...template,
          type: `${parent.type}/${template.type}`,
          name: `[concat(${[parent.name, template.name]
            .map((name: string) => (name.startsWith('[') ? name.slice(1, -1) : `'${name}'`))
            .join(", '/', ")})]`,
          dependsOn: [...(template.dependsOn ?? []), parent.name],
        }
      : template
    const { resources: nested = [], ...rest } = own as Bag
    return [rest, ...flatten(nested, rest)]
  })
}

function checkShape(template: Bag): Bag[] {
  const known = [
    '$schema',
    'contentVersion',
    'metadata',
    'parameters',
    'variables',
    'resources',
    'outputs',
    'languageVersion',
  ]
  const unknown = Object.keys(template).filter((key) => !known.includes(key))
  if (unknown.length > 0)
    throw badRequest(
      'InvalidTemplate',
      `The rehearsal's Azure does not support the template part(s) '${unknown.join(', ')}'.`,
    )
  const resources = Array.isArray(template.resources)
    ? template.resources
    : Object.values(template.resources ?? {})
  for (const each of flatten(resources as Bag[])) {
    for (const key of ['type', 'apiVersion', 'name'])
      if (typeof each[key] !== 'string')
        throw badRequest(
          'InvalidTemplate',
          `Deployment template validation failed: 'A template resource has no '${key}'.'`,
        )
    if (each.copy) throw badRequest('InvalidTemplate', "The rehearsal's Azure does not support 'copy' loops.")
  }
  return flatten(resources as Bag[])
}

function dependencies(scope: Scope, resources: PlannedResource[], template: Bag): Set<string> {
  const named = ((template.dependsOn ?? []) as unknown[]).map((each) => String(evaluate(scope, each)))
  const implied = listExpressions({ ...template, dependsOn: [] })
    .flatMap((expression) => listCalls(expression, 'reference'))
    .map((call) => call.arguments[0]!)
    .map((first) => String(evaluateExpression(scope, first)))
  const ids = named.map((each) => referencedId(scope, resources, each))
  const more = implied.map((each) => (each.startsWith('/') ? each : referencedId(scope, resources, each)))
  const inside = new Set(resources.map(({ address }) => address.id.toLowerCase()))
  return new Set([...ids, ...more].map((id) => id.toLowerCase()).filter((id) => inside.has(id)))
}

function evaluateExpression(scope: Scope, expression: Parameters<typeof listCalls>[0]): unknown {
  if (expression.kind === 'literal') return expression.value
  if (expression.kind === 'call' && expression.name.toLowerCase() === 'resourceid')
    return resourceId(
      scope,
      expression.arguments.map((each) => String(evaluateExpression(scope, each))),
    )
  if (expression.kind === 'call') {
    const values = expression.arguments.map((each) => JSON.stringify(evaluateExpression(scope, each)))
    const quoted = values.map((value) =>
      value.startsWith('"') ? `'${JSON.parse(value).replaceAll("'", "''")}'` : value,
    )
    return evaluate(scope, `[${expression.name}(${quoted.join(', ')})]`)
  }
  const of = evaluateExpression(scope, expression.of) as Bag
  return of?.[String(evaluateExpression(scope, expression.key))]
}

function checkCycle(resources: PlannedResource[]): void {
  const done = new Set<string>()
  let rest = resources
  while (rest.length > 0) {
    const next = rest.filter(({ after }) => [...after].every((id) => done.has(id)))
    if (next.length === 0)
      throw badRequest(
        'InvalidTemplate',
        `Deployment template validation failed: 'Circular dependency detected on resource: '${rest[0]!.address.name}'.'`,
      )
    for (const { address } of next) done.add(address.id.toLowerCase())
    rest = rest.filter((each) => !next.includes(each))
  }
}

/** Checks a template with its parameters and sorts its resources. Changes nothing. */
export function planDeployment(
  world: World,
  group: ResourceGroup,
  name: string,
  properties: Bag,
): DeploymentPlan {
  const { template, parameters: given = {} } = properties
  const templates = checkShape(template)
  const scope = getScope(world, group, name)
  scope.parameters = takeParameters(template.parameters ?? {}, given, (value, known) =>
    value === undefined ? undefined : evaluate({ ...scope, parameters: known }, value),
  )
  scope.variables = template.variables ?? {}
  const wanted = templates.filter(
    (each) => each.condition === undefined || evaluate(scope, each.condition) === true,
  )
  const resources: PlannedResource[] = wanted.map((each) => {
    const address = getAddress(
      world,
      group.name,
      getResourceType(world, each.type).type,
      String(evaluate(scope, each.name)),
    )
    requireRegistered(world, address.type.split('/')[0]!)
    const own = each.location === undefined ? undefined : String(evaluate(scope, each.location))
    const location = own ?? group.location
    requireVersion(world, address.type, each.apiVersion, location)
    const region = location.replaceAll(' ', '').toLowerCase()
    requireTypeLocation(address.type, region)
    if (!findResource(world, address.id)) requireOffered(world, address.type, each.apiVersion, region)
    return { address, location: own, template: each, after: new Set() }
  })
  const left = templates
    .filter((each) => !wanted.includes(each))
    .map((each) => String(evaluate(scope, each.name)))
  for (const each of resources) {
    // As in ARM, a dependency on a resource that is excluded by its condition does not count.
    const dependsOn = (each.template.dependsOn ?? []).filter((value: unknown) => {
      const id = String(evaluate(scope, value))
      return (
        !left.some((other) => id === other || id.endsWith(`/${other.split('/').at(-1)}`)) ||
        resources.some(({ address }) => address.id.toLowerCase() === id.toLowerCase())
      )
    })
    each.after = dependencies(scope, resources, { ...each.template, dependsOn })
    const parent = each.address.id.split('/').slice(0, -2).join('/').toLowerCase()
    if (resources.some(({ address }) => address.id.toLowerCase() === parent)) each.after.add(parent)
  }
  checkCycle(resources)
  scope.reference = (resource, full) => {
    const id = referencedId(scope, resources, resource)
    const found = findResource(world, id)
    if (!found)
      throw new ArmError(
        404,
        'ResourceNotFound',
        `The resource '${id}' that the template refers to was not found.`,
      )
    const shown = view(world, found)
    return full ? shown : shown.properties
  }
  return { scope, resources, parameters: scope.parameters }
}

/** The body of the PUT that a template's resource becomes. */
export function resourceBody(scope: Scope, planned: PlannedResource): Bag {
  const {
    type: _type,
    name: _name,
    apiVersion: _version,
    dependsOn: _after,
    condition: _condition,
    comments: _comments,
    ...body
  } = planned.template
  return evaluate(scope, body)
}

export function getOutputs(scope: Scope, template: Bag): Bag {
  return Object.fromEntries(
    Object.entries<Bag>(template.outputs ?? {})
      .filter(([, output]) => output.condition === undefined || evaluate(scope, output.condition) === true)
      .map(([name, output]) => {
        const type = String(output.type ?? 'string')
        // ARM shows that a secure output exists, never its value.
        return [
          name,
          type.toLowerCase().startsWith('secure') ? { type } : { type, value: evaluate(scope, output.value) },
        ]
      }),
  )
}
