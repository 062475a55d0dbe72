import { requireOffered, requireTypeLocation } from './catalogue.ts'
import { refuse } from './errors.ts'
import { policyFault } from './faults.ts'
import type { Bag } from './json.ts'
import { holdName } from './names.ts'
import { startOperation } from './operations.ts'
import type { Address, ResourceType } from './types.ts'
import { type Operation, type Resource, type ResourceGroup, type World, waitUsualTime } from './world.ts'

export function getResourceType(world: World, type: string): ResourceType {
  const found = world.types.find((each) => each.type.toLowerCase() === type.toLowerCase())
  if (found) return found
  const [namespace, ...rest] = type.split('/')
  throw refuse('unknownType', {
    type: rest.join('/'),
    namespace,
    known: world.types.map((each) => each.type).join(', '),
  })
}

export function getGroup(world: World, name: string): ResourceGroup {
  const group = world.groups.get(name.toLowerCase())
  if (!group) throw refuse('groupNotFound', { group: name })
  return group
}

export function requireRegistered(world: World, namespace: string): void {
  const entry = [...world.providers].find(([name]) => name.toLowerCase() === namespace.toLowerCase())
  if (!entry) throw refuse('unknownNamespace', { namespace })
  if (entry[1] !== 'Registered') throw refuse('notRegistered', { namespace: entry[0] })
}

/** The address of a resource, with the canonical spelling of its type. */
export function getAddress(world: World, group: string, type: string, name: string): Address {
  const known = getResourceType(world, type)
  const [namespace = '', ...types] = known.type.split('/')
  const names = name.split('/')
  if (types.length !== names.length) throw refuse('nameSegments', { type, count: types.length, name })
  const pairs = types.map((part, index) => `${part}/${names[index]}`).join('/')
  const id = `/subscriptions/${world.subscription.id}/resourceGroups/${group}/providers/${namespace}/${pairs}`
  return { group, type: known.type, name, id }
}

export const findResource = (world: World, id: string): Resource | undefined =>
  world.resources.get(id.toLowerCase())

/** The resource at an address, or ARM's 404 for the group or the resource. */
export function resourceAt(world: World, address: Address): Resource {
  getGroup(world, address.group)
  const found =
    findResource(world, address.id) ?? getResourceType(world, address.type).implicit?.(world, address)
  if (found) return found
  throw refuse('resourceNotFound', { ...address })
}

export function getParent(world: World, resource: { id: string }): Resource | undefined {
  return findResource(world, resource.id.split('/').slice(0, -2).join('/'))
}

/** The last part of a child's name: `operator` of `server/operator`. */
export const getLastName = ({ name }: { name: string }): string => name.split('/').at(-1)!

export function listChildren(world: World, resource: Resource, type?: string): Resource[] {
  const prefix = `${resource.id.toLowerCase()}/`
  return [...world.resources.values()].filter(
    (each) => each.id.toLowerCase().startsWith(prefix) && (!type || each.type === type),
  )
}

export function view(world: World, resource: Resource, inList = false): Bag {
  const type = getResourceType(world, resource.type)
  const shown = inList && type.showInList ? type.showInList(world, resource) : type.show(world, resource)
  return {
    id: resource.id,
    name: getLastName(resource),
    type: resource.type,
    ...(type.needsLocation ? { location: resource.wanted.location, tags: resource.wanted.tags ?? {} } : {}),
    ...shown,
  }
}

function requireLocation(type: ResourceType, address: Address, wanted: Bag, existing?: Resource): void {
  if (!type.needsLocation) return
  if (typeof wanted.location !== 'string' || wanted.location === '') throw refuse('locationRequired')
  wanted.location = wanted.location.replaceAll(' ', '').toLowerCase()
  requireTypeLocation(type.type, wanted.location)
  if (!existing || existing.wanted.location === wanted.location) return
  const { name, group } = address
  throw refuse('wrongLocation', { name, location: existing.wanted.location, group, wanted: wanted.location })
}

export interface Put {
  resource: Resource
  created: boolean
  operation: Operation
}

/**
 * Creates or updates a resource: checks at once (ArmError), works in an operation. An identical body takes as long
 * as any other: resource providers do not compare it with what they have.
 */
export function putResource(world: World, address: Address, body: Bag, apiVersion?: string): Put {
  const group = getGroup(world, address.group)
  requireRegistered(world, address.type.split('/')[0]!)
  if (group.deleting) throw refuse('groupBeingDeleted', { name: group.name })
  const type = getResourceType(world, address.type)
  const existing = findResource(world, address.id)
  if (address.name.includes('/') && !getParent(world, address)) {
    const parentType = address.type.split('/').slice(0, -1).join('/')
    const parentName = address.name.split('/').slice(0, -1).join('/')
    throw refuse('parentNotFound', {
      type: address.type.split('/').slice(1).join('/'),
      parentType,
      parentName,
    })
  }
  if (existing && ['Creating', 'Updating', 'Deleting'].includes(existing.state))
    throw (
      type.transitioning?.(address.name, existing.state) ??
      refuse('otherOperation', { name: address.name, state: existing.state })
    )
  const forbidden = existing ? undefined : policyFault(world, address, body.location)
  if (forbidden) throw forbidden
  const { id: _id, name: _name, type: _type, ...fields } = body
  const wanted = structuredClone({ ...fields, properties: fields.properties ?? {} }) as Bag
  requireLocation(type, address, wanted, existing)
  if (!existing && type.needsLocation) requireOffered(world, type.type, apiVersion ?? '', wanted.location)
  type.check({ world, address, wanted, existing, apiVersion })
  const before = existing?.wanted
  const resource: Resource = existing ?? {
    ...address,
    wanted,
    state: 'Creating',
    createdAt: new Date(),
    runtime: {},
  }
  resource.wanted = wanted
  resource.state = existing ? 'Updating' : 'Creating'
  world.resources.set(address.id.toLowerCase(), resource)
  const startedAt = Date.now()
  const operation = startOperation(
    world,
    async () => {
      try {
        await type.apply(world, resource, before)
        await waitUsualTime(world, type.usualSeconds, startedAt)
        resource.state = 'Succeeded'
        type.ended?.(resource)
      } catch (error) {
        resource.state = 'Failed'
        throw error
      }
    },
    () => view(world, resource),
  )
  operation.withoutRetryAfter = type.withoutRetryAfter
  resource.operation = operation
  return { resource, created: !existing, operation }
}

/** Deletes a resource and everything below it, children first. A second deletion joins the first. */
export function deleteResource(world: World, resource: Resource): Operation {
  const { operation: last, state } = resource
  if (state === 'Deleting' && last?.status === 'InProgress') return last
  resource.state = 'Deleting'
  const operation = startOperation(world, async () => {
    // What a change is starting must not outlive the resource.
    await last?.done
    resource.state = 'Deleting'
    for (const each of [...listChildren(world, resource).reverse(), resource]) {
      await getResourceType(world, each.type).remove?.(world, each)
      world.resources.delete(each.id.toLowerCase())
      holdName(world, each)
    }
  })
  operation.withoutRetryAfter = getResourceType(world, resource.type).withoutRetryAfter
  resource.operation = operation
  return operation
}
