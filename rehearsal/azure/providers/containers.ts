import { formatRefusal } from '../../../lib/azure/refusals.ts'
import { type Machine, startMachine } from '../../machine.ts'
import { type Container, type Story, startContainer } from '../container.ts'
import { getFqdn } from '../containerHost.ts'
import { containerLog } from '../containerLog.ts'
import { accessibleImage, checkContainerGroup, transitioning } from '../containerRules.ts'
import { ArmError, conflict, refuse } from '../errors.ts'
import { counted } from '../faults.ts'
import { ok } from '../http.ts'
import type { Bag } from '../json.ts'
import { type MetricsStore, startMetrics } from '../metrics.ts'
import { locationHeaders, startOperation } from '../operations.ts'
import type { ResourceType } from '../types.ts'
import { unpackImage } from '../unpackImage.ts'
import { containerOffers } from '../usages.ts'
import { azureAddressesChanged, type Resource, type World } from '../world.ts'

/** What runs behind a container group. */
export interface GroupRuntime {
  machine?: Machine
  container?: Container
  metrics?: MetricsStore
  story?: Story
  /** Azure's `stop` was requested. */
  stopped?: boolean
  incarnation?: number
  /** The events of the group itself, not of its container. */
  events?: Bag[]
}

const getRuntime = (resource: Resource): GroupRuntime => resource.runtime

function newEvent(name: string, message: string, type = 'Normal'): Bag {
  const now = new Date().toISOString()
  return { count: 1, firstTimestamp: now, lastTimestamp: now, name, message, type }
}

/** For each group: the machine, the files of the image in it, then the program. */
async function bringUp(world: World, resource: Resource): Promise<void> {
  const runtime = getRuntime(resource)
  const { properties } = resource.wanted
  const [wanted] = properties.containers as Bag[]
  const { image: imageName, command = [], environmentVariables = [], ...more } = wanted!.properties
  const image = accessibleImage(world, resource.name, imageName, properties.imageRegistryCredentials ?? [])
  runtime.story ??= { log: containerLog(), events: [] }
  runtime.incarnation = (runtime.incarnation ?? 0) + 1
  const event = (name: string, message: string) => runtime.story!.events.push(newEvent(name, message))
  const machine = await startMachine({
    name: `aci-${resource.name}-${runtime.incarnation}`.slice(-63).replace(/^-+/, ''),
    folder: world.folder,
    network: world.network,
    resolver: world.dns.address,
    authorities: [world.authority.certificate],
    root: world.roots.images,
  })
  runtime.machine = machine
  event('Pulling', `pulling image "${imageName}"`)
  const { code, stderr } = await unpackImage(machine, image)
  if (code !== 0) throw refuse('imagePullFailed', { reason: stderr.trim() })
  event('Pulled', `Successfully pulled image "${imageName}"`)
  // Before the program starts, so that its first connection finds the firewall open.
  world.azureAddresses.add(machine.address)
  await azureAddressesChanged(world)
  const env = Object.fromEntries(
    (environmentVariables as Bag[]).map((each) => [each.name, String(each.secureValue ?? each.value ?? '')]),
  )
  const { livenessProbe: liveness, readinessProbe: readiness } = more
  const { restartPolicy } = properties
  const options = { name: wanted!.name, image, imageName, command, env, restartPolicy, liveness, readiness }
  runtime.container = await startContainer(machine, options, runtime.story)
  runtime.stopped = false
  runtime.metrics = startMetrics(machine, runtime.metrics)
  const fqdn = getFqdn(world, resource)
  if (fqdn) await world.dns.set(fqdn, [machine.address])
}

async function takeDown(world: World, resource: Resource): Promise<void> {
  const runtime = getRuntime(resource)
  const { machine } = runtime
  await runtime.container?.stop()
  runtime.metrics?.stop()
  delete runtime.container
  delete runtime.machine
  if (!machine) return
  await machine.stop()
  world.azureAddresses.delete(machine.address)
  await azureAddressesChanged(world)
}

function showContainer(resource: Resource, wanted: Bag): Bag {
  const { container } = getRuntime(resource)
  const { environmentVariables: variables = [], ...properties } = wanted.properties
  // A secure value is never shown again.
  const environmentVariables = (variables as Bag[]).map(({ name, value }) =>
    value === undefined || value === null ? { name } : { name, value },
  )
  if (!container) return { name: wanted.name, properties: { ...properties, environmentVariables } }
  const { restarts: restartCount, previous, events } = container
  const before = previous ? { previousState: previous } : {}
  const instanceView = { restartCount, currentState: container.current, ...before, events }
  return { name: wanted.name, properties: { ...properties, environmentVariables, instanceView } }
}

function getState(resource: Resource): string {
  const { container, stopped } = getRuntime(resource)
  if (stopped) return 'Stopped'
  if (!container) return resource.state === 'Failed' ? 'Failed' : 'Pending'
  if (container.current.state !== 'Terminated') return 'Running'
  return container.current.exitCode === 0 ? 'Succeeded' : 'Failed'
}

const provisioning: Record<string, string> = { Creating: 'Pending', Updating: 'Pending' }

function showGroup(world: World, resource: Resource): Bag {
  const { properties } = resource.wanted
  const fqdn = getFqdn(world, resource)
  const ip = getRuntime(resource).machine?.address
  const own = { ...(ip ? { ip } : {}), ...(fqdn ? { fqdn } : {}) }
  const scope = { autoGeneratedDomainNameLabelScope: 'Unsecure' }
  const ipAddress = properties.ipAddress && { ...scope, ...properties.ipAddress, ...own }
  return {
    ...(resource.wanted.zones ? { zones: resource.wanted.zones } : {}),
    properties: {
      sku: 'Standard',
      ...properties,
      provisioningState: provisioning[resource.state] ?? resource.state,
      containers: properties.containers.map((each: Bag) => showContainer(resource, each)),
      imageRegistryCredentials: (properties.imageRegistryCredentials ?? []).map(
        ({ password: _password, ...rest }: Bag) => rest,
      ),
      ...(ipAddress ? { ipAddress } : {}),
      instanceView: { events: getRuntime(resource).events ?? [], state: getState(resource) },
    },
  }
}

function running(resource: Resource): Container {
  const { container } = getRuntime(resource)
  if (container && resource.state === 'Succeeded') return container
  throw resource.state === 'Failed'
    ? refuse('containerGroupFailed', { name: resource.name })
    : transitioning(resource.name)
}

/** A group without capacity is accepted first and fails later. */
function meetCapacity(world: World, resource: Resource): void {
  if (counted(world, 'container-no-capacity') === undefined) return
  const { location, properties } = resource.wanted
  const { cpu, memoryInGB } = properties.containers[0].properties.resources.requests
  const message = formatRefusal('containerNoCapacity', { location, cpu, memoryGb: memoryInGB })
  throw conflict('InsufficientCapacity.', message)
}

/** The group that failed keeps the reason as an event; the operation says only that it failed. */
function recordFailure(resource: Resource, error: unknown): ArmError {
  const { code: name, message } =
    error instanceof ArmError ? error : { code: 'Failed', message: String(error) }
  getRuntime(resource).events = [newEvent(name, message, 'Warning')]
  return conflict('Failed', message)
}

/** Microsoft.ContainerInstance/containerGroups. */
export const containerGroups: ResourceType = {
  type: 'Microsoft.ContainerInstance/containerGroups',
  models: {
    module: 'containerinstance',
    resource: 'ContainerGroup',
    list: 'ContainerGroupListResult',
    patch: 'Resource',
    paths: {
      'GET containers/*/logs': { answer: 'Logs' },
      'POST (?:start|stop|restart)': {},
      'GET /locations/*/capabilities': { answer: 'CapabilitiesListResult' },
      'GET /locations/*/usages': { answer: 'UsageListResult' },
    },
  },
  offers: containerOffers,
  usualSeconds: 45,
  needsLocation: true,
  createdStatus: 201,
  withoutRetryAfter: true,
  check: checkContainerGroup,
  transitioning,
  patchesTagsOnly: true,
  // An update restarts the containers, also one that changes nothing:
  // https://learn.microsoft.com/azure/container-instances/container-instances-update#update-a-container-group
  async apply(world, resource, before) {
    const fqdn = before && getFqdn(world, resource, before)
    await takeDown(world, resource)
    getRuntime(resource).events = []
    if (fqdn && fqdn !== getFqdn(world, resource)) await world.dns.remove(fqdn)
    try {
      meetCapacity(world, resource)
      await bringUp(world, resource)
    } catch (error) {
      throw recordFailure(resource, error)
    }
  },
  show: showGroup,
  // Only GET of one group returns the instance view; `az container list` prints none.
  showInList(world, resource) {
    const shown = showGroup(world, resource)
    const { instanceView: _view, ...properties } = shown.properties
    const containers = properties.containers.map((each: Bag) => {
      const { instanceView: _own, ...rest } = each.properties
      return { ...each, properties: rest }
    })
    return { ...shown, properties: { ...properties, containers } }
  },
  async remove(world, resource) {
    await takeDown(world, resource)
    const fqdn = getFqdn(world, resource)
    if (fqdn) await world.dns.remove(fqdn)
  },
  actions: {
    async restart(_world, resource) {
      await running(resource).restart()
      getRuntime(resource).stopped = false
      return { status: 204 }
    },
    async stop(_world, resource) {
      await running(resource).stop()
      getRuntime(resource).stopped = true
      return { status: 204 }
    },
    // 202 while it starts, 204 when it runs: ContainerGroups_Start of the API 2023-05-01.
    start(world, resource, call) {
      const container = running(resource)
      const runtime = getRuntime(resource)
      if (!runtime.stopped && container.current.state === 'Running') return { status: 204 }
      const operation = startOperation(world, async () => {
        await container.start()
        runtime.stopped = false
      })
      operation.withoutRetryAfter = true
      const version = call.query.get('api-version') ?? ''
      return { status: 202, headers: locationHeaders(world, operation, version) }
    },
  },
  async read(_world, resource, rest, call) {
    if (rest.length !== 3 || rest[0]!.toLowerCase() !== 'containers' || rest[2]!.toLowerCase() !== 'logs')
      return undefined
    if (call.method !== 'GET') return undefined
    const { container } = getRuntime(resource)
    const names = resource.wanted.properties.containers.map((each: Bag) => each.name)
    if (!names.includes(rest[1]))
      throw refuse('containerNotFound', { container: rest[1], group: resource.name })
    if (!container) throw refuse('containerGroupNotReady', { group: resource.name })
    const stamped = call.query.get('timestamps')?.toLowerCase() === 'true'
    const content = container.log.text(Number(call.query.get('tail') ?? 0), stamped)
    // Without output ARM returns null, not an empty text (apache/airflow#63394).
    return ok({ content: content || null })
  },
}

export const resourceTypes = [containerGroups]
