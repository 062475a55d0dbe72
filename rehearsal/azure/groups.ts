import { requireGroupLocation } from './catalogue.ts'
import { ArmError, refuse, unknownRoute } from './errors.ts'
import { type Call, jsonBody, listed, ok, type Reply } from './http.ts'
import type { Bag } from './json.ts'
import { locationHeaders, startOperation } from './operations.ts'
import { deleteResource, getGroup, view } from './resources.ts'
import type { ResourceGroup, World } from './world.ts'

function show(world: World, group: ResourceGroup): Bag {
  return {
    id: `/subscriptions/${world.subscription.id}/resourceGroups/${group.name}`,
    name: group.name,
    type: 'Microsoft.Resources/resourceGroups',
    location: group.location,
    tags: group.tags,
    properties: { provisioningState: group.deleting ? 'Deleting' : 'Succeeded' },
  }
}

export const groupsRoute = (world: World, call: Call): Reply => {
  if (call.method !== 'GET') throw refuse('groupsOnlyListed')
  return listed([...world.groups.values()].map((group) => show(world, group)))
}

function putGroup(world: World, call: Call, name: string): Reply {
  if (!/^[-\w._()]{1,90}$/.test(name) || name.endsWith('.')) throw refuse('groupName', { name })
  const body = jsonBody(call)
  if (typeof body.location !== 'string') throw refuse('locationRequired')
  const location = body.location.replaceAll(' ', '').toLowerCase()
  requireGroupLocation(location)
  const existing = world.groups.get(name.toLowerCase())
  if (existing?.deleting) throw refuse('groupBeingDeleted', { name })
  if (existing && existing.location !== location)
    throw refuse('groupLocationFixed', { location, existing: existing.location })
  const group = existing ?? { name, location, tags: {}, deleting: false }
  group.tags = body.tags ?? {}
  world.groups.set(name.toLowerCase(), group)
  return { status: existing ? 200 : 201, body: show(world, group) }
}

function deleteGroup(world: World, name: string, version: string): Reply {
  const group = world.groups.get(name.toLowerCase())
  if (!group) throw refuse('groupNotFound', { group: name })
  group.deleting = true
  const operation = startOperation(
    world,
    async () => {
      const inside = [...world.resources.values()].filter(
        (each) => each.group.toLowerCase() === name.toLowerCase() && !each.name.includes('/'),
      )
      const ended = inside.map((each) => deleteResource(world, each))
      await Promise.all(ended.map((each) => each.done))
      const failed = ended.find((each) => each.status === 'Failed')
      if (failed) throw new ArmError(409, 'ResourceGroupDeletionBlocked', String(failed.error?.message))
      for (const key of world.deployments.keys())
        if (key.startsWith(`${name.toLowerCase()}/`)) world.deployments.delete(key)
      world.groups.delete(name.toLowerCase())
    },
    () => ({}),
  )
  return { status: 202, headers: locationHeaders(world, operation, version) }
}

/** `/subscriptions/S/resourceGroups/G`, and its `/resources`. */
export function groupRoute(
  world: World,
  call: Call,
  name: string,
  version: string,
  rest: string[] = [],
): Reply {
  if (rest.length === 1 && rest[0]!.toLowerCase() === 'resources' && call.method === 'GET')
    return listResources(world, call, getGroup(world, name).name)
  if (rest.length > 0) throw unknownRoute(call)
  if (call.method === 'HEAD') return { status: world.groups.has(name.toLowerCase()) ? 204 : 404 }
  if (call.method === 'PUT') return putGroup(world, call, name)
  if (call.method === 'DELETE') return deleteGroup(world, name, version)
  const group = getGroup(world, name)
  if (call.method === 'PATCH') group.tags = jsonBody(call).tags ?? group.tags
  else if (call.method !== 'GET') throw refuse('groupMethod', { method: call.method })
  return ok(show(world, group))
}

/** The generic list, with the only filter that az sends: `az acr` looks for its registry by type. */
export function listResources(world: World, call: Call, group?: string): Reply {
  const filter = call.query.get('$filter')
  const type = filter === null ? undefined : /^resourceType eq '([^']*)'$/.exec(filter)?.[1]
  if (filter !== null && type === undefined) throw refuse('filter', { filter })
  const value = [...world.resources.values()]
    .filter((each) => !each.name.includes('/'))
    .filter((each) => !group || each.group.toLowerCase() === group.toLowerCase())
    .filter((each) => type === undefined || each.type.toLowerCase() === type.toLowerCase())
    .map((each) => view(world, each))
    .map(({ properties, systemData: _systemData, ...rest }) => ({
      ...rest,
      provisioningState: properties?.provisioningState,
    }))
  return listed(value)
}
