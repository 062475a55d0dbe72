import type { Bag } from './json.ts'
import type { Offer } from './types.ts'
import type { Resource, World } from './world.ts'

/** Azure's default for a new subscription: learn.microsoft.com, container-instances-resource-and-quota-limits. */
const limits = { groups: 100, cores: 10 }

const groupsIn = (world: World, location: string): Resource[] =>
  [...world.resources.values()].filter(
    ({ type, wanted }) =>
      type === 'Microsoft.ContainerInstance/containerGroups' && String(wanted.location) === location,
  )

/** The cores that a container group asks for. */
export const countCores = (wanted: Bag): number =>
  (wanted.properties.containers as Bag[]).reduce(
    (sum, each) => sum + each.properties.resources.requests.cpu,
    0,
  )

/** The cores of a region: the limit, and how many all groups except `without` use. */
export function getCores(world: World, location: string, without = ''): { limit: number; used: number } {
  const few = world.faults.get('few-cores')
  const others = groupsIn(world, location).filter(({ id }) => id.toLowerCase() !== without.toLowerCase())
  return {
    limit: few ? Number(few.cores ?? 2) : limits.cores,
    used: others.reduce((sum, { wanted }) => sum + countCores(wanted), 0),
  }
}

/** Location_ListUsage of Microsoft.ContainerInstance: the current usage and the limits. */
const listUsages: Offer = (world, location) => {
  const { limit, used } = getCores(world, location)
  const usage = (value: string, currentValue: number, limit: number) => ({
    id: `/subscriptions/${world.subscription.id}/providers/Microsoft.ContainerInstance/locations/${location}/usages/${value}`,
    ...{ unit: 'Count', currentValue, limit, name: { value, localizedValue: value } },
  })
  const groups = groupsIn(world, location).length
  return [usage('ContainerGroups', groups, limits.groups), usage('StandardCores', used, limit)]
}

/** The default of a subscription in every region. */
export const largestGroup = { cpu: 4, memoryGb: 16 }

/** Location_ListCapabilities of Microsoft.ContainerInstance: the largest group that a region accepts. */
const listCapabilities: Offer = (_world, location) => {
  const about = { resourceType: 'containerGroups', location, ipAddressType: 'Public', gpu: 'None' }
  const capabilities = { maxCpu: largestGroup.cpu, maxMemoryInGB: largestGroup.memoryGb, maxGpuCount: 0 }
  return ['Linux', 'Windows'].map((osType) => ({ ...about, osType, capabilities }))
}

export const containerOffers: Record<string, Offer> = { capabilities: listCapabilities, usages: listUsages }
