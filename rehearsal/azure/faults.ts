import { type ArmError, refuse } from './errors.ts'
import type { Call } from './http.ts'
import type { Bag } from './json.ts'
import type { Address } from './types.ts'
import type { World } from './world.ts'

/** Uses a fault once. Returns its seconds, or undefined when it is off. */
export function counted(world: World, name: string): number | undefined {
  const fault = world.faults.get(name)
  if (!fault) return undefined
  const count = fault.count ?? 1
  if (count <= 1) world.faults.delete(name)
  else fault.count = count - 1
  return fault.seconds ?? 1
}

/** The faults that affect every request to ARM: throttling, an outage, slowness. */
export async function applyFaults(world: World): Promise<void> {
  const slow = world.faults.get('slow')
  if (slow) await new Promise((resolve) => setTimeout(resolve, slow.milliseconds ?? 1000))
  const throttled = counted(world, 'throttle')
  if (throttled !== undefined)
    throw refuse('throttled', { seconds: throttled }, [], { 'Retry-After': String(throttled) })
  if (counted(world, 'server-error') !== undefined) throw refuse('serviceUnavailable')
}

/** The regions in which this subscription may create anything; undefined means all. */
export function getAllowedRegions(world: World): string[] | undefined {
  const fault = world.faults.get('region-disallowed')
  return (
    fault && (fault.allowed ?? ['westus3', 'northcentralus', 'centralus', 'mexicocentral', 'canadacentral'])
  )
}

/**
 * Policies are evaluated before anything is created. Returns ARM's error for a resource that they forbid.
 * @param location undefined where the resource has no location
 */
export function policyFault(world: World, { name }: Address, location?: string): ArmError | undefined {
  const region = location?.replaceAll(' ', '').toLowerCase()
  if (region !== undefined && getAllowedRegions(world)?.includes(region) === false)
    return refuse('regionDisallowed', { name })
  const policy = world.faults.get('policy-disallowed')
  if (policy?.mfa) return refuse('mfaRequired')
  return policy && refuse('policyDisallowed', { name, subscription: world.subscription.id })
}

/**
 * The policy of the second factor forbids every change, also to what exists, and even to a resource group. Reading needs
 * none, and some requests that read are a POST. Source: Azure/azure-dev#5425.
 */
export function requireSecondFactor(world: World, { method, path }: Call): void {
  const last = path.split('/').findLast(Boolean) ?? ''
  const reads =
    method === 'POST' ? /^(list|check|get|validate|whatif)/i.test(last) : /^(GET|HEAD)$/.test(method)
  if (world.faults.get('policy-disallowed')?.mfa && !reads) throw refuse('mfaRequired')
}

/**
 * ARM evaluates the policies for all resources before a deployment starts, and refuses the deployment as a
 * whole.
 */
export function applyPolicies(
  world: World,
  planned: readonly { address: Address; location?: string | undefined }[],
): void {
  const details = planned.flatMap(({ address, location }): Bag[] => {
    const fault = policyFault(world, address, location)
    return fault ? [{ code: fault.code, target: address.name, message: fault.message }] : []
  })
  if (details.length === 0) return
  throw refuse('policyViolation', {}, details)
}

/** Whether a region is closed to new PostgreSQL servers. */
export function isOfferRestricted(world: World, location: string): boolean {
  const fault = world.faults.get('postgres-location-restricted')
  return fault !== undefined && (fault.location ?? location) === location
}

/** Managed Redis without capacity: accepted, then failed. `code` is InsufficientCapacity or AllocationFailed. */
export function applyRedisCapacity(world: World, location: string): void {
  const fault = world.faults.get('redis-no-capacity')
  if (!fault || (fault.location ?? location) !== location) return
  throw refuse(fault.code === 'AllocationFailed' ? 'redisAllocationFailed' : 'redisNoCapacity')
}
