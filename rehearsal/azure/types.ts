import type { ArmError } from './errors.ts'
import type { Call, Reply } from './http.ts'
import type { Bag } from './json.ts'
import type { Resource, World } from './world.ts'

/** Where a resource is: canonical spelling of type and name. */
export interface Address {
  group: string
  type: string
  name: string
  id: string
}

export interface Request {
  world: World
  address: Address
  wanted: Bag
  /** What is there now, when it is. */
  existing?: Resource | undefined
}

/** What ARM knows about one resource type; everything real behind it happens in `apply` and `remove`. */
export interface ResourceType {
  /** Such as `Microsoft.Cache/redisEnterprise/databases`. */
  type: string
  /** Azure's usual time to create one, in seconds (used by latency `realistic`). */
  usualSeconds: number
  /** Child resources have no location. */
  needsLocation: boolean
  /** What a PUT answers at creation: ARM's types differ, and the clients follow. */
  createdStatus: 201 | 202
  /** Throws an ArmError for a body ARM would refuse; may fill in defaults. Nothing is changed yet. */
  check(request: Request): void
  /** The type's own words for "busy with something else". */
  transitioning?(name: string): ArmError
  /** Makes it so. `resource.wanted` is new already, `before` is what was wanted until now. */
  apply(world: World, resource: Resource, before?: Bag): Promise<void>
  /** An operation on it has ended well. */
  ended?(resource: Resource): void
  /** The resource as GET shows it, without id, name, type: no secret in it. */
  show(world: World, resource: Resource): Bag
  /** As a list shows it, when that is less than what GET shows. */
  showInList?(world: World, resource: Resource): Bag
  remove?(world: World, resource: Resource): Promise<void>
  /** POST actions by lower-case name. */
  actions?: Record<string, (world: World, resource: Resource, call: Call) => Reply | Promise<Reply>>
  /** A resource that is there without anybody having put it, such as a server's settings. */
  implicit?(world: World, address: Address): Resource | undefined
  /** Reads below a resource that are no resources themselves, such as logs: the path's rest → answer. */
  read?(world: World, resource: Resource, rest: string[], call: Call): Promise<Reply | undefined>
}
