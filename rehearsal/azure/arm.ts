import { requireArmVersion, requireProviderVersion, requireVersion } from './catalogue.ts'
import { deploymentsRoute } from './deployments.ts'
import { refuse, unknownRoute } from './errors.ts'
import { requireSecondFactor } from './faults.ts'
import { groupRoute, groupsRoute } from './groups.ts'
import { type Call, jsonBody, listed, ok, type Reply } from './http.ts'
import { type Bag, mergePatch } from './json.ts'
import { requireLogin } from './login.ts'
import { metricsReply } from './metrics.ts'
import { locationHeaders, operationHeaders, operationResult, operationStatus } from './operations.ts'
import {
  deleteResource,
  findResource,
  getAddress,
  getGroup,
  getResourceType,
  putResource,
  resourceAt,
  view,
} from './resources.ts'
import { requireRights } from './rights.ts'
import { authorizationReply, subscriptionRoute } from './subscription.ts'
import type { Address } from './types.ts'
import type { ResourceGroup, World } from './world.ts'

const apiVersionForm = /^\d{4}-\d{2}-\d{2}(-(preview|alpha|beta|privatepreview))?$/

function requireApiVersion(call: Call): string {
  const version = call.query.get('api-version')
  if (!version) throw refuse('missingApiVersion')
  if (!apiVersionForm.test(version)) throw refuse('invalidApiVersion', { version })
  return version
}

function requireSubscription(world: World, id: string): void {
  if (id.toLowerCase() !== world.subscription.id.toLowerCase()) throw refuse('subscriptionNotFound', { id })
}

/** management.azure.com. */
export async function arm(world: World, call: Call): Promise<Reply> {
  requireLogin(world, call)
  const version = requireApiVersion(call)
  // `az container create --file` sends a double slash in its path.
  const parts = call.path.split('/').filter(Boolean)
  const lower = parts.map((part) => part.toLowerCase())
  // Other providers' paths are checked with their type.
  if (!lower.includes('providers') || parts.at(-1)?.toLowerCase() === 'providers') requireArmVersion(version)
  if (lower[0] !== 'subscriptions' || parts.length === 1) return subscriptionRoute(world, call, parts)
  requireSubscription(world, parts[1]!)
  requireSecondFactor(world, call)
  if (lower[2] === 'providers' && lower[4] === 'operations')
    return operationStatus(world, parts[5] ?? '', version)
  if (lower[2] === 'providers' && lower[4] === 'operationresults')
    return operationResult(world, parts[5] ?? '', version)
  requireRights(world, call)
  if (lower[2] !== 'resourcegroups') return subscriptionRoute(world, call, parts)
  if (parts.length === 3) return groupsRoute(world, call)
  const group = parts[3]!
  if (parts.length === 4) return groupRoute(world, call, group, version)
  // The operations of a deployment have an address without a provider.
  if (lower[4] === 'deployments') return deploymentsRoute(world, call, group, parts.slice(5), version)
  if (lower[4] !== 'providers') return groupRoute(world, call, group, version, parts.slice(4))
  const namespace = lower[5]
  if (namespace === 'microsoft.resources' && lower[6] === 'deployments') {
    requireArmVersion(version)
    return deploymentsRoute(world, call, group, parts.slice(7), version)
  }
  const found = getGroup(world, group)
  if (namespace === 'microsoft.authorization') return authorizationReply(world, call, parts.slice(6))
  return resourceRoute(world, call, found, parts[5]!, parts.slice(6), version)
}

/** What a path below `providers/` names: types and names take turns. */
const split = (namespace: string, rest: string[]): { type: string; name: string } => ({
  type: [namespace, ...rest.filter((_, index) => index % 2 === 0)].join('/'),
  name: rest.filter((_, index) => index % 2 === 1).join('/'),
})

/** The longest known resource that a path names, and what follows it. */
function splitPath(world: World, group: string, namespace: string, rest: string[]) {
  let found: { address: Address; tail: string[] } | undefined
  for (let used = 2; used <= rest.length; used += 2) {
    const { type, name } = split(namespace, rest.slice(0, used))
    if (!world.types.some((each) => each.type.toLowerCase() === type.toLowerCase())) break
    found = { address: getAddress(world, group, type, name), tail: rest.slice(used) }
  }
  return found
}

async function resourceRoute(
  world: World,
  call: Call,
  group: ResourceGroup,
  namespace: string,
  rest: string[],
  version: string,
): Promise<Reply> {
  const path = splitPath(world, group.name, namespace, rest)
  const within = findResource(world, path?.address.id ?? '')?.wanted.location ?? group.location
  // What belongs to another provider, such as metrics, has the API versions of that provider.
  if (path?.tail[0]?.toLowerCase() !== 'providers')
    requireVersion(split(namespace, rest).type, version, within)
  if (!path) return listReply(world, call, group.name, namespace, rest)
  const { address, tail } = path
  if (tail.length > 0) {
    const answer = await belowResource(world, call, address, tail)
    if (answer) return answer
    if (tail.length > 1) throw unknownRoute(call)
    return listReply(world, call, group.name, namespace, rest)
  }
  if (call.method === 'GET') return ok(view(world, resourceAt(world, address)))
  if (call.method === 'HEAD') return { status: findResource(world, address.id) ? 204 : 404 }
  if (call.method === 'PUT') return putReply(world, address, jsonBody(call), version)
  if (call.method === 'PATCH') return patchReply(world, address, jsonBody(call), version)
  if (call.method !== 'DELETE') throw unknownRoute(call)
  const resource = findResource(world, address.id)
  if (!resource) return { status: 204 }
  return { status: 202, headers: locationHeaders(world, deleteResource(world, resource), version) }
}

function putReply(world: World, address: Address, body: Bag, version: string): Reply {
  const put = putResource(world, address, body, version)
  const shown = view(world, put.resource)
  const status = put.created ? getResourceType(world, address.type).createdStatus : 200
  return { status, headers: operationHeaders(world, put.operation, version), body: shown }
}

function patchReply(world: World, address: Address, body: Bag, version: string): Reply {
  const { patchRefusal, patchesTagsOnly } = getResourceType(world, address.type)
  if (patchRefusal) throw patchRefusal()
  const resource = resourceAt(world, address)
  const { properties, ...rest } = body
  if (!patchesTagsOnly) return putReply(world, address, mergePatch(resource.wanted, body) as Bag, version)
  // Azure may ignore them: the model of the request has none.
  if (properties) throw refuse('onlyTags', { type: address.type })
  resource.wanted = { ...resource.wanted, tags: mergePatch(resource.wanted.tags ?? {}, rest.tags ?? {}) }
  return ok(view(world, resource))
}

/** An action on a resource, or what can be read below it that is no resource. */
async function belowResource(world: World, call: Call, address: Address, tail: string[]) {
  const resource = resourceAt(world, address)
  const type = getResourceType(world, address.type)
  const what = tail.join('/').toLowerCase()
  const action = type.actions?.[what]
  if (call.method === 'POST' && action) return action(world, resource, call)
  if (what === 'providers/microsoft.insights/metrics' && call.method === 'GET') {
    requireProviderVersion('Microsoft.Insights', 'metrics', call.query.get('api-version') ?? '')
    return metricsReply(resource, call)
  }
  if (what === 'providers/microsoft.authorization/permissions')
    return authorizationReply(world, call, tail.slice(2))
  return type.read?.(world, resource, tail, call)
}

/** GET of a collection: `…/providers/NS/type` or `…/providers/NS/type/name/childtype`. */
function listReply(world: World, call: Call, group: string, namespace: string, rest: string[]): Reply {
  const { type, name } = split(namespace, rest)
  const known = getResourceType(world, type).type
  if (call.method !== 'GET' || rest.length % 2 === 0) throw unknownRoute(call)
  const value = [...world.resources.values()]
    .filter((each) => each.type === known && each.group.toLowerCase() === group.toLowerCase())
    .filter((each) => name === '' || each.name.toLowerCase().startsWith(`${name.toLowerCase()}/`))
    .map((each) => view(world, each, true))
  return listed(value)
}
