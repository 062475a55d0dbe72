import { ArmError } from './errors.ts'
import type { Call, Reply } from './http.ts'
import type { World } from './world.ts'

/** Azure's default for a new subscription: learn.microsoft.com, container-instances-resource-and-quota-limits. */
const limits = { groups: 100, cores: 10 }

/** `…/Microsoft.ContainerInstance/locations/LOCATION/usages`: what is used of the limits. */
export function usagesReply(world: World, call: Call, namespace: string, location: string): Reply {
  if (namespace.toLowerCase() !== 'microsoft.containerinstance')
    throw new ArmError(
      404,
      'InvalidResourcePath',
      `The rehearsal's Azure does not answer ${call.method} ${call.path}.`,
    )
  const groups = [...world.resources.values()].filter(
    ({ type, wanted }) =>
      type === 'Microsoft.ContainerInstance/containerGroups' && String(wanted.location) === location,
  )
  const cores = groups
    .flatMap(({ wanted }) => wanted.properties.containers as { properties: { resources: Requests } }[])
    .reduce((sum, { properties }) => sum + properties.resources.requests.cpu, 0)
  const usage = (value: string, currentValue: number, limit: number) => ({
    id: `/subscriptions/${world.subscription.id}/providers/Microsoft.ContainerInstance/locations/${location}/usages/${value}`,
    unit: 'Count',
    currentValue,
    limit,
    name: { value, localizedValue: value },
  })
  const few = world.faults.get('few-cores')
  const limit = few ? Number(few.cores ?? 2) : limits.cores
  return {
    status: 200,
    body: {
      value: [usage('ContainerGroups', groups.length, limits.groups), usage('StandardCores', cores, limit)],
    },
  }
}

interface Requests {
  requests: { cpu: number }
}
