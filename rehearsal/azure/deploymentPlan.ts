import { requireOffered, requireTypeLocation, requireVersion } from './catalogue.ts'
import { refuse } from './errors.ts'
import { applyPolicies } from './faults.ts'
import type { Bag } from './json.ts'
import { shownParameters, takeParameters } from './parameters.ts'
import { findResource, getAddress, requireRegistered } from './resources.ts'
import { evaluate, type Scope } from './template.ts'
import type { Address } from './types.ts'
import type { ResourceGroup, World } from './world.ts'

/** One resource of a template. */
export interface PlannedResource {
  address: Address
  /** Its own location; undefined for a child. */
  location?: string | undefined
  apiVersion: string
  /** The body of the PUT that it becomes. */
  body: Bag
  /** Lower-case ids of resources of the same template that come first. */
  after: string[]
}

export interface DeploymentPlan {
  resources: PlannedResource[]
  /** As the deployment shows them. */
  parameters: Bag
}

const invalid = (text: string) => refuse('templateValidation', { text })

const unsupported = (what: string) => refuse('unsupportedTemplate', { what })

const parts = ['$schema', 'contentVersion', 'metadata', 'parameters', 'variables', 'resources']

/** Throws for a template with anything that infra/data-tier.json does not use. */
function checkShape(template: Bag): void {
  const unknown = Object.keys(template).filter((key) => !parts.includes(key))
  if (unknown.length > 0) throw unsupported(`the template part(s) '${unknown.join(', ')}'`)
  if (!Array.isArray(template.resources)) throw unsupported('a template without a list of resources')
  for (const each of template.resources) {
    const absent = ['type', 'apiVersion', 'name'].find((key) => typeof each[key] !== 'string')
    if (absent) throw invalid(`A template resource has no '${absent}'.`)
    if (each.copy || each.resources) throw unsupported("'copy' loops and nested resources")
  }
}

/** Throws when resources wait for each other. */
function checkCycle(resources: PlannedResource[]): void {
  const done = new Set<string>()
  let rest = resources
  while (rest.length > 0) {
    const next = rest.filter(({ after }) => after.every((id) => done.has(id)))
    if (next.length === 0)
      throw invalid(`Circular dependency detected on resource: '${rest[0]!.address.name}'.`)
    for (const { address } of next) done.add(address.id.toLowerCase())
    rest = rest.filter((each) => !next.includes(each))
  }
}

function planResource(world: World, group: ResourceGroup, scope: Scope, template: Bag): PlannedResource {
  const { type, name, apiVersion, dependsOn = [], condition: _, comments: _comments, ...body } = template
  const address = getAddress(world, group.name, type, String(evaluate(scope, name)))
  const location = body.location === undefined ? undefined : String(evaluate(scope, body.location))
  const after = (evaluate(scope, dependsOn) as string[]).map((id) => id.toLowerCase())
  return { address, location, apiVersion, body: evaluate(scope, body), after }
}

/** What ARM refuses before a deployment starts. */
function checkResource(world: World, group: ResourceGroup, { address, apiVersion, ...own }: PlannedResource) {
  requireRegistered(world, address.type.split('/')[0]!)
  const location = own.location ?? group.location
  requireVersion(address.type, apiVersion, location)
  const region = location.replaceAll(' ', '').toLowerCase()
  requireTypeLocation(address.type, region)
  if (!findResource(world, address.id)) requireOffered(world, address.type, apiVersion, region)
}

/** Checks a template with its parameters, and each of its resources. Changes nothing. */
export function planDeployment(world: World, group: ResourceGroup, properties: Bag): DeploymentPlan {
  const { template, parameters: given = {} } = properties
  checkShape(template)
  const subscription = world.subscription.id
  const scope: Scope = { parameters: {}, variables: {}, subscription, resourceGroup: group.name }
  scope.parameters = takeParameters(template.parameters ?? {}, given, (value, known) =>
    value === undefined ? undefined : evaluate({ ...scope, parameters: known }, value),
  )
  scope.variables = template.variables ?? {}
  const all = (template.resources as Bag[]).map((each) => ({
    planned: planResource(world, group, scope, each),
    wanted: each.condition === undefined || evaluate(scope, each.condition) === true,
  }))
  const resources = all.filter(({ wanted }) => wanted).map(({ planned }) => planned)
  const getIds = (planned: PlannedResource[]) => planned.map(({ address }) => address.id.toLowerCase())
  const [ids, declared] = [getIds(resources), getIds(all.map(({ planned }) => planned))]
  for (const each of resources) {
    checkResource(world, group, each)
    const unknown = each.after.find((id) => !declared.includes(id))
    // Wording: microsoft/vscode-azurearmtools#493.
    const usage = 'Please see https://aka.ms/arm-template for usage details.'
    if (unknown) throw invalid(`The resource '${unknown}' is not defined in the template. ${usage}`)
    // As in ARM, a dependency on a resource that is excluded by its condition does not count.
    each.after = each.after.filter((id) => ids.includes(id))
  }
  checkCycle(resources)
  applyPolicies(world, resources)
  return { resources, parameters: shownParameters(template.parameters ?? {}, scope.parameters) }
}
