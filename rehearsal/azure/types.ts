import type { ArmError } from './errors.ts'
import type { Call, Reply } from './http.ts'
import type { Bag } from './json.ts'
import type { Resource, World } from './world.ts'

/** The address of a resource, with the canonical spelling of type and name. */
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
  /** The existing resource, if there is one. */
  existing?: Resource | undefined
  /** The API version of the request; undefined where a test asks without one. */
  apiVersion?: string | undefined
}

export type Action = (world: World, resource: Resource, call: Call) => Reply | Promise<Reply>

/** What a provider says about a region, as a list. */
export type Offer = (world: World, location: string, apiVersion: string) => Bag[]

/** The models of a request and its answer; undefined where the SDK has none. */
export interface Bodies {
  request?: string
  answer?: string
}

/** The names of a type's models in Microsoft's SDK for Python. The judge compares requests and answers with them. */
export interface Models {
  /** Below `azure.mgmt`: `redisenterprise`, or one of several versions: `containerregistry.v2025_03_01_preview`. */
  module: string
  resource: string
  /** The model of the body of PUT, if it differs. */
  create?: string
  /** The model of the body of PATCH, if it differs. */
  patch?: string
  list: string
  /**
   * Other addresses, such as `POST listkeys`, in lower case: relative to the resource or, with a slash in front, to its
   * provider. A `*` stands for any one name.
   */
  paths?: Record<string, Bodies>
}

/** What ARM knows about one resource type. Everything real behind it happens in `apply` and `remove`. */
export interface ResourceType {
  /** Such as `Microsoft.Cache/redisEnterprise/databases`. */
  type: string
  models: Models
  /** By what follows `…/providers/NAMESPACE/locations/LOCATION/`, in lower case. */
  offers?: Record<string, Offer>
  /** The answer of `checkNameAvailability` of its provider to a name that is taken. */
  nameTaken?(name: string): Bag
  /** Azure's usual time to create one, in seconds (used by latency `realistic`). */
  usualSeconds: number
  /** Child resources have no location. */
  needsLocation: boolean
  /** The status that a PUT returns at creation: ARM's types differ, and clients rely on it. */
  createdStatus: 201 | 202
  /** For a type that Azure does not let PATCH. */
  patchRefusal?(): ArmError
  /** Its long-running answers do not say when to ask again, and az then asks every 30 s. */
  withoutRetryAfter?: true
  /** Throws an ArmError for a body that ARM would refuse; may fill in defaults. Changes nothing else. */
  check(request: Request): void
  /** The error of this type for "busy with another operation". */
  transitioning?(name: string, state: string): ArmError | undefined
  /** Applies the change. `resource.wanted` already has the new values; `before` has the previous ones. */
  apply(world: World, resource: Resource, before?: Bag): Promise<void>
  /** Called when an operation on it has succeeded. */
  ended?(resource: Resource): void
  /** The resource as GET shows it, without id, name and type. Must not contain secrets. */
  show(world: World, resource: Resource): Bag
  /** The resource as a list shows it, if that is less than what GET shows. */
  showInList?(world: World, resource: Resource): Bag
  remove?(world: World, resource: Resource): Promise<void>
  /** PATCH changes its tags and nothing else. */
  patchesTagsOnly?: true
  /** POST actions by lower-case name. */
  actions?: Record<string, Action>
  /** A resource that exists without having been created, such as a server's settings. */
  implicit?(world: World, address: Address): Resource | undefined
  /**
   * Reads below a resource that are not resources themselves, such as logs: maps the rest of the path to an
   * answer.
   */
  read?(world: World, resource: Resource, rest: string[], call: Call): Promise<Reply | undefined>
}
