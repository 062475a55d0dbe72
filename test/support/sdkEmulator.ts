import { createAuthority } from '../../rehearsal/authority.ts'
import { judgedArm } from '../../rehearsal/azure/azure.ts'
import { containerLog } from '../../rehearsal/azure/containerLog.ts'
import type { Call } from '../../rehearsal/azure/http.ts'
import { issueToken } from '../../rehearsal/azure/login.ts'
import { resourceTypes } from '../../rehearsal/azure/providers.ts'
import { openGateway } from '../../rehearsal/azure/proxy.ts'
import type { ResourceType } from '../../rehearsal/azure/types.ts'
import type { Resource } from '../../rehearsal/azure/world.ts'
import { createEmptyWorld } from './emulatorFixtures.ts'
import { createSdkClients } from './sdkClients.ts'

const setting = {
  ...{ name: 'max_connections', setting: '50', boot_val: '100', vartype: 'integer', context: 'postmaster' },
  ...{ short_desc: 'Connections.', min_val: '1', max_val: '262143', enumvals: null, pending_restart: false },
}

/** A PostgreSQL or Redis server of which only the power switch is there. Each turn waits. */
function createIdleServer(wait: () => Promise<void>) {
  let up = true
  const turn = async (next: boolean) => {
    await wait()
    up = next
  }
  return {
    running: () => up,
    stop: () => turn(false),
    start: () => turn(true),
    ...{ version: () => '16.4', settings: new Map([[setting.name, setting]]) },
    ...{ keys: { primary: 'one', secondary: 'two' }, regenerate: wait },
    ...{ sql: async () => '', set: wait, allow: async () => {}, remove: wait },
  }
}

function createIdleContainer(wait: () => Promise<void>) {
  const log = containerLog()
  const current = { state: 'Running', detailStatus: '' }
  const turn = async (state: string) => {
    await wait()
    current.state = state
    if (state === 'Running') log.keep('The container has started.\n')
  }
  log.keep('The container has started.\n')
  return {
    ...{ log, restarts: 0, events: [], current },
    start: () => turn('Running'),
    stop: () => turn('Terminated'),
    restart: () => turn('Running'),
  }
}

/** The type with nothing behind it that needs a machine. */
function createIdleType(type: ResourceType, wait: () => Promise<void>): ResourceType {
  if (type.type === 'Microsoft.ContainerRegistry/registries')
    return { ...type, apply: (world, resource) => wait().then(() => type.apply(world, resource)) }
  const apply = async (_world: unknown, { runtime }: Resource) => {
    await wait()
    runtime.server ??= createIdleServer(wait)
    runtime.container ??= createIdleContainer(wait)
    runtime.backups ??= []
  }
  return { ...type, apply, remove: wait }
}

/**
 * The emulated ARM behind its own proxy and TLS, and Microsoft's clients of it. What is asked for happens at once,
 * except between `hold` and the function that it returns.
 */
export async function startSdkEmulator(folder: string) {
  let gate = Promise.resolve()
  const wait = () => gate
  const world = createEmptyWorld(resourceTypes.map((type) => createIdleType(type, wait)))
  world.groups.clear()
  world.authority = await createAuthority(folder)
  world.network.host = '127.0.0.1'
  const hosts = { 'management.azure.com': (call: Call) => judgedArm(world, call) }
  const { proxyUrl, stop } = await openGateway(world, hosts, 0)
  const clients = createSdkClients({
    ...{ subscription: world.subscription.id, token: issueToken(world, 'management') },
    ...{ proxyUrl, authority: world.authority.certificate },
  })
  function hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    gate = promise
    return resolve
  }
  return { world, clients, hold, stop }
}
