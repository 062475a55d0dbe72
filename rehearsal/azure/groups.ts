import { requireGroupLocation } from './catalogue.ts'
import { ArmError, refuse, unknownRoute } from './errors.ts'
import { type Call, jsonBody, type Reply } from './http.ts'
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
  return { status: 200, body: { value: [...world.groups.values()].map((group) => show(world, group)) } }
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
  switch (call.method) {
    case 'HEAD':
      return { status: world.groups.has(name.toLowerCase()) ? 204 : 404 }
    case 'GET':
      return { status: 200, body: show(world, getGroup(world, name)) }
    case 'PUT':
      return putGroup(world, call, name)
    case 'PATCH': {
      const group = getGroup(world, name)
      group.tags = jsonBody(call).tags ?? group.tags
      return { status: 200, body: show(world, group) }
    }
    case 'DELETE':
      return deleteGroup(world, name, version)
    default:
      throw refuse('groupMethod', { method: call.method })
  }
}

/** The generic list, with the two filters that `az` sends: by type, and by tag or name. */
export function listResources(world: World, call: Call, group?: string): Reply {
  const filter = call.query.get('$filter') ?? ''
  const field = (name: string): string | undefined =>
    new RegExp(`${name}\\s+eq\\s+'([^']*)'`, 'i').exec(filter)?.[1]?.toLowerCase()
  const type = field('resourceType')
  const name = field('name')
  const tag = field('tagName')
  const tagValue = field('tagValue')
  const value = [...world.resources.values()]
    .filter((each) => !each.name.includes('/'))
    .filter((each) => !group || each.group.toLowerCase() === group.toLowerCase())
    .filter((each) => !type || each.type.toLowerCase() === type)
    .filter((each) => !name || each.name.toLowerCase() === name)
    .map((each) => view(world, each))
    .filter((each) => !tag || String(each.tags?.[tag] ?? '').toLowerCase() === (tagValue ?? each.tags?.[tag]))
    .map(({ properties, systemData: _systemData, ...rest }) => ({
      ...rest,
      provisioningState: properties?.provisioningState,
    }))
  return { status: 200, body: { value } }
}
