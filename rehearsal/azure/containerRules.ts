import { ArmError, badRequest, refuse } from './errors.ts'
import type { Image } from './images.ts'
import { findImage, imageReference } from './images.ts'
import { type Bag, sameJson } from './json.ts'
import { findRegistry, isAdmin } from './providers/registry.ts'
import type { Request } from './types.ts'
import { countCores, getCores } from './usages.ts'
import type { World } from './world.ts'

/** The default of a subscription in every region. */
export const largestGroup = { cpu: 4, memoryGb: 16 }

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
    throw badRequest(
      'InvalidContainerName',
      `The container name '${name}' in container group '${group}' is invalid: 1 to 63 lowercase letters, digits and hyphens.`,
    )
  if (typeof properties?.image !== 'string' || properties.image === '')
    throw badRequest(
      'InvalidImage',
      `The image of container '${name}' in container group '${group}' is not specified.`,
    )
  const requests = properties.resources?.requests
  if (!requests || !(requests.cpu > 0) || !(requests.memoryInGB > 0))
    throw badRequest(
      'ResourceRequestsNotSpecified',
      `The resource requests of container '${name}' in container group '${group}' are not specified: cpu and memoryInGB are required.`,
    )
  if (requests.cpu > largestGroup.cpu || requests.memoryInGB > largestGroup.memoryGb)
    throw badRequest(
      'ResourceRequestsExceeded',
      `The requested resource is not available in this location: container group '${group}' asks for ${requests.cpu} CPU and ` +
        `${requests.memoryInGB} GB, the limit is ${largestGroup.cpu} CPU and ${largestGroup.memoryGb} GB.`,
    )
  const names = ((properties.environmentVariables ?? []) as Bag[]).map((each) => each.name)
  const wrong = names.find((each) => typeof each !== 'string' || !/^[A-Za-z_][\w.-]*$/.test(each))
  if (wrong !== undefined)
    throw badRequest(
      'InvalidEnvironmentVariable',
      `The environment variable name '${wrong}' in container '${name}' of container group '${group}' is invalid.`,
    )
  for (const kind of ['livenessProbe', 'readinessProbe']) {
    const probe = properties[kind]
    if (probe && Boolean(probe.httpGet) === Boolean(probe.exec))
      throw badRequest(
        'InvalidProbe',
        `The ${kind} of container '${name}' in container group '${group}' needs either httpGet or exec.`,
      )
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
  throw badRequest(
    'InaccessibleImage',
    `The image '${image}' in container group '${group}' is not accessible. Please check the image and registry credential.`,
  )
}

function checkAddress({ world, address, wanted }: Request): void {
  const { ipAddress, containers } = wanted.properties
  if (!ipAddress) return
  const { ports = [], dnsNameLabel, type } = ipAddress
  if (type !== 'Public')
    throw badRequest(
      'InvalidIpAddressType',
      `The rehearsal's container groups have the ipAddress type 'Public', not '${type}'.`,
    )
  if (ports.length === 0)
    throw badRequest(
      'MissingIpAddressPorts',
      `The ports in the 'ipAddress' of container group '${address.name}' cannot be empty.`,
    )
  const inside = containers.flatMap((each: Bag) =>
    (each.properties.ports ?? []).map((port: Bag) => port.port),
  )
  const missing = ports.filter((each: Bag) => !inside.includes(each.port)).map((each: Bag) => each.port)
  if (missing.length > 0)
    throw badRequest(
      'IpAddressPortsNotFound',
      `The port(s) '${missing.join(',')}' in the 'ipAddress' of container group '${address.name}' are not exposed by any of its containers.`,
    )
  if (dnsNameLabel === undefined) return
  if (!/^[a-z]([-a-z0-9]{3,61}[a-z0-9])$/.test(dnsNameLabel))
    throw badRequest(
      'InvalidDnsNameLabel',
      `The DNS name label '${dnsNameLabel}' in container group '${address.name}' is invalid: 5 to 63 lowercase letters, digits and hyphens.`,
    )
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
    throw badRequest(
      'InvalidContainerGroupName',
      `The container group name '${address.name}' is invalid: 1 to 63 lowercase letters, digits and hyphens.`,
    )
  if (!['Linux', 'Windows'].includes(properties.osType))
    throw badRequest(
      'InvalidOsType',
      `The 'osType' for container group '${properties.osType ?? '<null>'}' is invalid. The value must be one of 'Windows,Linux'.`,
    )
  if (properties.osType === 'Windows')
    throw badRequest('OsTypeNotSupported', "The rehearsal's container groups have the osType 'Linux'.")
  if (!['Always', 'OnFailure', 'Never'].includes(properties.restartPolicy))
    throw badRequest(
      'InvalidRestartPolicy',
      `The 'restartPolicy' for container group '${address.name}' is invalid. The value must be one of 'Always,OnFailure,Never'.`,
    )
  const containers: Bag[] = properties.containers ?? []
  if (containers.length === 0)
    throw badRequest('InvalidContainerGroup', `The container group '${address.name}' has no containers.`)
  if (containers.length > 1)
    throw badRequest('InvalidContainerGroup', "The rehearsal's container groups hold one container each.")
  for (const each of containers) checkContainer(address.name, each)
  checkAddress(request)
  if (existing && existing.state !== 'Failed' && !sameJson(immutable(existing.wanted), immutable(wanted)))
    throw badRequest(
      'InvalidContainerGroupUpdate',
      `The updates on container group '${address.name}' are invalid. If you are going to update the os type, restart policy, ` +
        'network profile, CPU, memory or GPU resources for a container group, you must delete it first and then create a new one.',
    )
  checkQuota(request)
  for (const each of containers)
    accessibleImage(world, address.name, each.properties.image, properties.imageRegistryCredentials ?? [])
}

export const transitioning = (name: string): ArmError =>
  new ArmError(
    409,
    'ContainerGroupTransitioning',
    `The container group '${name}' is still transitioning, please retry later.`,
  )
