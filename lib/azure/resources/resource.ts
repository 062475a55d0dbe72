import type { Config } from '../../config/config.ts'
import type { ShareRule } from '../../config/environments.ts'
import type { KeyName } from '../../config/schema.ts'
import type { Command } from '../../shell/command.ts'
import type { Field } from '../../tasks/task.ts'
import type { Judged } from '../../util/verdict.ts'
import type { Arm } from '../arm.ts'

/** A resource as `az resource show` prints it. */
export interface Resource {
  id: string
  name: string
  location: string
  sku?: { name?: string; tier?: string }
  tags?: Record<string, string> | null
  properties: Record<string, unknown> & { provisioningState?: string }
}

/**
 * The only version that registries and PostgreSQL servers both know, so that one az call reads both. Its enum of
 * PostgreSQL versions ends at 14, but is open (`modelAsString`). Nothing is written with it.
 */
export const sharedApiVersion = '2022-12-01'

/** Where ARM stores a resource. */
export interface ArmLocation {
  apiVersion: string
  /** The path below the resource group's `/providers/`. */
  path(config: Config): string
}

/** How Azure is asked, before anything is created. */
export interface Asking {
  config: Config
  arm: Pick<Arm, 'get' | 'post'>
  subscription: string
}

/**
 * What any Azure resource of the system declares: what Azure is asked about it beforehand, what environments share, and
 * what it costs.
 */
export interface AzureResource {
  title: string
  /** The resource provider that the subscription must be registered for. */
  provider: string
  /** Its type, as the provider lists it. */
  type: string
  /** The actions that the login must be allowed to perform. */
  permissions: readonly string[]
  /** Its region. */
  location(config: Config): string
  /** The key that sets its region. */
  keys: { location: KeyName }
  /** Judges whether this subscription may create one there, as its provider says. Throws when that cannot be read. */
  judgeRegion?(asking: Asking, region: string): Promise<Judged[]>
  /** What only an attempt to create it can show. */
  unforeseeable?(config: Config): string
  /** What two environments in the same Azure can share. */
  shared: readonly ShareRule[]
  getPricedParts(config: Config): readonly PricedPart[]
}

export type Parameters = Record<string, string | number | object>

/** Why an existing resource cannot be used, and what to do. */
export interface Fault {
  what: string
  next: string
  /** It holds no data, so a run may delete it. */
  empty: boolean
}

/** A setting that is corrected without a deployment. */
export interface Correction {
  what: string
  field: Field
  command: Command
  /** Every deployment makes this correction, too. */
  deployed?: true
}

/** What `loss` may read about the contents of a resource. */
interface Contents {
  /** The backend's images. */
  tags(): Promise<readonly unknown[]>
}

/** Everything that this tool knows about one resource of infra/data-tier.json. `Found` is what it reads about it. */
export interface DataTierResource<Found extends Resource = Resource> extends AzureResource, ArmLocation {
  /** The resource itself first: `remove` keeps whatever another environment names. */
  shared: readonly [ShareRule, ...ShareRule[]]
  /** What is lost when it is deleted, under a title; undefined when it contains nothing. */
  loss: {
    title: string
    describe(config: Config, azure: Contents): string | undefined | Promise<string | undefined>
  }
  name(config: Config): string
  /** Azure does not release the name for days after a deletion, not even to the same subscription. */
  nameStaysTaken?: true
  /** The provider can be asked whether the name is free in all of Azure. */
  checksName?: true
  /** The keys that set its name and its region. */
  keys: { name: KeyName; location: KeyName }
  /** How a plan names it, such as `PostgreSQL codexdominion-db (Standard_B1ms)`. */
  describe(config: Config): string
  /** An older API version, under which one az call also reads other parts. */
  sharedApiVersion?: string
  /** Children that the same az call shows. */
  children: readonly ArmLocation[]
  /** Combines the resource and its children (in that order) into one value. */
  combine(parts: readonly [Resource, ...Resource[]]): Found
  /** Reads the children of a resource that one call could not show together with them. */
  complete?(found: Found, show: (child: ArmLocation) => Promise<Resource | undefined>): Promise<Found>
  /** Its parameters of the template; password and operator's address are not among them. */
  getParameters(config: Config): Parameters
  /** The ARM operation after which it can be used, as `type name`. */
  lastOperation: RegExp
  /** What differs from the configuration, and the deployment changes. */
  getDrift(config: Config, found: Found): Field[]
  /**
   * What differs from the template's fixed values. No key sets it, so it alone is no reason for a deployment; a deployment
   * for another reason resets it, and its plan says so.
   */
  getResets?(found: Found): Field[]
  getCorrections?(config: Config, found: Found, subscription: string, operatorAddress: string): Correction[]
  findFault?(config: Config, found: Found, subscription: string): Fault | undefined
  /** Which child is still missing, as a plan names it. */
  getMissingChild?(config: Config, found: Found): string | undefined
}

export const resourceId = (
  config: Config,
  subscription: string,
  location: Pick<ArmLocation, 'path'>,
): string =>
  `/subscriptions/${subscription}/resourceGroups/${config.azure.resourceGroup}/providers/${location.path(config)}`

/** What Azure bills a part of the system by, as the Azure Retail Prices API names it. */
export interface Meter {
  service: string
  /** Any of these product names, because Azure renames products occasionally. */
  products: readonly string[]
  /** Compared without regard to case: the list has both `B1MS` and `B2s`. */
  sku: string
  meter: string
  unit: string
  /** Price per unit in dollars, from the bundled table (date and regions: lib/cost/offline.json); undefined if not listed. */
  bundledPrice?: number | undefined
}

/** The monthly quantity of a meter, in the units of `meter.unit`. */
export interface PricedQuantity {
  meter: Meter
  quantity: number
  /** The quantity in readable form, such as `730 h × 2 CPU`. */
  formula: string
}

/** A line of the cost estimate. */
export interface PricedPart {
  id: string
  title: string
  quantities: readonly PricedQuantity[]
  /** Follows the formula. */
  remark?: string
}

/** Hours of a month as Azure's own calculator counts them: 365.25 days / 12, rounded. */
export const hoursPerMonth = 730
export const daysPerMonth = hoursPerMonth / 24

const id = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Whether both use the same resource group, whose name is unique only within a subscription. */
export function isSameGroup({ azure: own }: Config, { azure: its }: Config): boolean {
  if (own.resourceGroup.toLowerCase() !== its.resourceGroup.toLowerCase()) return false
  const [a, b] = [own.subscription.toLowerCase(), its.subscription.toLowerCase()]
  // Empty means the current subscription of az. An id and a display name can mean the same subscription.
  return a === b || a === '' || b === '' || id.test(a) !== id.test(b)
}
