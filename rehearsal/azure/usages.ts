import { unknownRoute } from './errors.ts'
import type { Call, Reply } from './http.ts'
import type { Bag } from './json.ts'
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
  (wanted.properties.containers as { properties: { resources: Requests } }[]).reduce(
    (sum, { properties }) => sum + properties.resources.requests.cpu,
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

/** `…/Microsoft.ContainerInstance/locations/LOCATION/usages`: the current usage and the limits. */
export function usagesReply(world: World, call: Call, namespace: string, location: string): Reply {
  if (namespace.toLowerCase() !== 'microsoft.containerinstance') throw unknownRoute(call)
  const groups = groupsIn(world, location)
  const { limit, used } = getCores(world, location)
  const usage = (value: string, currentValue: number, limit: number) => ({
    id: `/subscriptions/${world.subscription.id}/providers/Microsoft.ContainerInstance/locations/${location}/usages/${value}`,
    unit: 'Count',
    currentValue,
    limit,
    name: { value, localizedValue: value },
  })
  return {
    status: 200,
    body: {
      value: [usage('ContainerGroups', groups.length, limits.groups), usage('StandardCores', used, limit)],
    },
  }
}

interface Requests {
  requests: { cpu: number }
}
