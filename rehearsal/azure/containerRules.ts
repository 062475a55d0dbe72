import { type ArmError, refuse } from './errors.ts'
import type { Image } from './images.ts'
import { findImage, imageReference } from './images.ts'
import { type Bag, sameJson } from './json.ts'
import { findRegistry, isAdmin } from './providers/registry.ts'
import type { Request } from './types.ts'
import { countCores, getCores, largestGroup } from './usages.ts'
import type { World } from './world.ts'

/** The properties of a container group that can be changed only by deleting it. */
const immutable = (wanted: Bag): Bag => ({
  osType: wanted.properties.osType,
  restartPolicy: wanted.properties.restartPolicy,
  sku: wanted.properties.sku ?? 'Standard',
  zones: wanted.zones,
  containers: wanted.properties.containers.map((each: Bag) => ({
    name: each.name,
    cpu: each.properties.resources.requests.cpu,
    memory: each.properties.resources.requests.memoryInGB,
  })),
  addressType: wanted.properties.ipAddress?.type,
  subnets: wanted.properties.subnetIds,
})

function checkContainer(group: string, container: Bag): void {
  const { name, properties } = container
  if (typeof name !== 'string' || !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name))
    throw refuse('containerName', { name, group })
  if (typeof properties?.image !== 'string' || properties.image === '')
    throw refuse('imageMissing', { name, group })
  const requests = properties.resources?.requests
  if (!requests || !(requests.cpu > 0) || !(requests.memoryInGB > 0))
    throw refuse('requestsMissing', { name, group })
  if (requests.cpu > largestGroup.cpu || requests.memoryInGB > largestGroup.memoryGb)
    throw refuse('requestsExceeded', {
      group,
      cpu: requests.cpu,
      memoryGb: requests.memoryInGB,
      mostCpu: largestGroup.cpu,
      mostMemoryGb: largestGroup.memoryGb,
    })
  const names = ((properties.environmentVariables ?? []) as Bag[]).map((each) => each.name)
  const wrong = names.find((each) => typeof each !== 'string' || !/^[A-Za-z_][\w.-]*$/.test(each))
  if (wrong !== undefined) throw refuse('environmentVariable', { wrong, name, group })
  for (const kind of ['livenessProbe', 'readinessProbe']) {
    const probe = properties[kind]
    if (probe && Boolean(probe.httpGet) === Boolean(probe.exec)) throw refuse('probe', { kind, name, group })
  }
}

/** Returns the image of a container if its registry provides it; otherwise throws `InaccessibleImage`. */
export function accessibleImage(world: World, group: string, image: string, credentials: Bag[]): Image {
  const { host, repository, reference } = imageReference(image)
  const registry = findRegistry(world, host)
  const login = credentials.find((each) => String(each.server).toLowerCase() === host)
  const allowed = registry && login && isAdmin(registry, login.username, login.password ?? '')
  const found = allowed
    ? findImage(registry.runtime.repositories ?? new Map(), repository, reference)
    : undefined
  if (found) return found
  throw refuse('inaccessibleImage', { image, group })
}

function checkAddress({ world, address, wanted }: Request): void {
  const { ipAddress, containers } = wanted.properties
  if (!ipAddress) return
  const { ports = [], dnsNameLabel, type } = ipAddress
  if (type !== 'Public') throw refuse('ipAddressType', { type })
  if (ports.length === 0) throw refuse('portsMissing', { group: address.name })
  const inside = containers.flatMap((each: Bag) =>
    (each.properties.ports ?? []).map((port: Bag) => port.port),
  )
  const missing = ports.filter((each: Bag) => !inside.includes(each.port)).map((each: Bag) => each.port)
  if (missing.length > 0) throw refuse('portsNotExposed', { ports: missing.join(','), group: address.name })
  if (dnsNameLabel === undefined) return
  if (!/^[a-z]([-a-z0-9]{3,61}[a-z0-9])$/.test(dnsNameLabel))
    throw refuse('dnsNameLabel', { dnsNameLabel, group: address.name })
  const other = [...world.resources.values()].find(
    (each) =>
      each.type === address.type &&
      each.id.toLowerCase() !== address.id.toLowerCase() &&
      each.wanted.location === wanted.location &&
      each.wanted.properties.ipAddress?.dnsNameLabel === dnsNameLabel,
  )
  if (other || world.faults.get('dns-label-taken')?.label === dnsNameLabel)
    throw refuse('dnsLabelTaken', { label: dnsNameLabel, name: address.name })
}

/** The limit for the cores of all groups in a region. */
function checkQuota({ world, address, wanted }: Request): void {
  const { limit, used } = getCores(world, wanted.location, address.id)
  const asked = countCores(wanted)
  if (used + asked > limit) throw refuse('containerQuota', { location: wanted.location, limit, used, asked })
}

/** What Azure Container Instances refuses. A PUT replaces the group and keeps nothing of the existing one. */
export function checkContainerGroup(request: Request): void {
  const { world, address, wanted, existing } = request
  const { properties } = wanted
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(address.name))
    throw refuse('containerGroupName', { name: address.name })
  if (!['Linux', 'Windows'].includes(properties.osType))
    throw refuse('osType', { osType: properties.osType ?? '<null>' })
  if (properties.osType === 'Windows') throw refuse('windowsContainers')
  if (!['Always', 'OnFailure', 'Never'].includes(properties.restartPolicy))
    throw refuse('restartPolicy', { group: address.name })
  const containers: Bag[] = properties.containers ?? []
  if (containers.length === 0) throw refuse('noContainers', { group: address.name })
  if (containers.length > 1) throw refuse('severalContainers')
  for (const each of containers) checkContainer(address.name, each)
  checkAddress(request)
  if (existing && existing.state !== 'Failed' && !sameJson(immutable(existing.wanted), immutable(wanted)))
    throw refuse('containerGroupUpdate', { group: address.name })
  checkQuota(request)
  for (const each of containers)
    accessibleImage(world, address.name, each.properties.image, properties.imageRegistryCredentials ?? [])
}

export const transitioning = (name: string): ArmError => refuse('containerGroupTransitioning', { name })
