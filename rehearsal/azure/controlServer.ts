import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { replaceScope } from './containerHost.ts'
import { delayGroup } from './delay.ts'
import { errorReply, refuse } from './errors.ts'
import faultNames from './faults.json' with { type: 'json' }
import { type Call, jsonBody, ok, type Reply, readCall, sendReply } from './http.ts'
import type { Bag } from './json.ts'
import type { PostgresServer } from './postgresServer.ts'
import type { GroupRuntime } from './providers/containers.ts'
import type { RedisServer } from './redisServer.ts'
import type { Resource, World } from './world.ts'

/* The faults that tests can switch on, and what each does, are in faults.json. */

/** Additional controls, by the first word of the path. */
export type Controls = Readonly<Record<string, (call: Call) => Promise<void>>>

export interface Control {
  url: string
  stop(): Promise<void>
}

function found(world: World, type: string, name: string): Resource {
  const resource = [...world.resources.values()].find((each) => each.type === type && each.name === name)
  if (resource) return resource
  throw refuse('resourceOfControl', { type, name })
}

function setFault(world: World, call: Call): Reply {
  const fault = jsonBody(call)
  if (!(fault.name in faultNames))
    throw refuse('unknownFault', { known: Object.keys(faultNames).join(', '), name: fault.name })
  if (fault.on === false) world.faults.delete(fault.name)
  else world.faults.set(fault.name, { ...fault })
  return ok({ faults: [...world.faults.values()] })
}

function setProvider(world: World, call: Call): Reply {
  const { namespace, state } = jsonBody(call)
  if (!world.providers.has(namespace) || !['Registered', 'NotRegistered'].includes(state))
    throw refuse('providerState')
  world.providers.set(namespace, state)
  return ok({ [namespace]: state })
}

async function controlContainer(world: World, call: Call, name: string, what: string): Promise<Reply> {
  const resource = found(world, 'Microsoft.ContainerInstance/containerGroups', name)
  const { container, machine, incarnation } = resource.runtime as GroupRuntime
  if (!container) throw refuse('notRunning', { name })
  if (what === 'POST kill') {
    const pid = container.pid()
    container.kill()
    return ok({ pid: pid ?? null })
  }
  if (what === 'POST stop') await container.stop()
  else if (what === 'POST start') await container.start()
  else if (what === 'POST delay') await delayGroup(world, resource, Number(jsonBody(call).milliseconds))
  else if (what === 'POST scope') await replaceScope(world, resource, jsonBody(call).scope)
  else if (what !== 'GET') throw unknownControl(call)
  const { restarts, ready, current: state } = container
  const variables: Bag[] = resource.wanted.properties.containers[0].properties.environmentVariables ?? []
  const about = { name, pid: container.pid() ?? null, restarts, ready, state, incarnation }
  return ok({ ...about, address: machine?.address, env: variables.map((each) => each.name) })
}

async function controlServer(
  server: PostgresServer | RedisServer | undefined,
  call: Call,
  what: string,
): Promise<Reply> {
  if (!server) throw refuse('serverNotReady', { path: call.path })
  if (what === 'POST stop') await server.stop()
  else if (what === 'POST start') await server.start()
  else if (what !== 'GET') throw unknownControl(call)
  return ok({ host: server.host, address: server.machine.address, running: server.running() })
}

export const unknownControl = ({ method, path }: Call) => refuse('unknownControl', { method, path })

/** The controls without a name, by method and path. */
const controls: Record<string, (world: World, call: Call) => Reply> = {
  'POST faults': setFault,
  'GET faults': ({ faults }) => ok({ faults: [...faults.values()], known: faultNames }),
  'POST providers': setProvider,
  'GET requests': ({ requests }) => ok({ requests }),
  'DELETE requests': ({ requests }) => {
    requests.length = 0
    return { status: 204 }
  },
  'POST names/free': ({ heldNames }) => {
    const freed = [...heldNames]
    heldNames.clear()
    return ok({ freed })
  },
  'GET verdict': ({ judge }) => ok(judge.verdict),
  'GET resources': ({ resources }) =>
    ok({ resources: [...resources.values()].map(({ id, state }) => ({ id, state })) }),
}

async function route(world: World, more: Controls, call: Call): Promise<Reply> {
  const [kind = '', name, ...verb] = call.path.split('/').filter(Boolean)
  const further = Object.hasOwn(more, kind) ? more[kind] : undefined
  if (further) return further(call).then(() => ({ status: 204 }))
  const simple = controls[`${call.method} ${[kind, ...(name ? [name] : [])].join('/')}`]
  if (simple) return simple(world, call)
  const what = [call.method, ...verb].join(' ')
  if (kind === 'containers' && name) return controlContainer(world, call, name, what)
  if (kind === 'postgres' && name) {
    const { runtime } = found(world, 'Microsoft.DBforPostgreSQL/flexibleServers', name)
    return controlServer(runtime.server, call, what)
  }
  if (kind !== 'redis' || !name) throw unknownControl(call)
  const caches = [...world.resources.values()].filter(({ type }) => type.startsWith('Microsoft.Cache/'))
  const cache = caches.find((each) => each.name.split('/')[0] === name && each.runtime.server)
  return controlServer(cache?.runtime.server, call, what)
}

/**
 * The control interface for tests, on loopback only: faults, crashes, recorded requests. No real cloud has
 * this. Containers: POST /containers/NAME/kill (its restart policy brings it back), /stop, /start, /delay
 * {milliseconds}, /scope {scope} (as if it had been created with it). Servers: POST /postgres/NAME/stop, /start, and /redis/NAME/…
 * Names of deleted resources: POST /names/free, as if the days had passed.
 */
export async function openControlServer(world: World, more: Controls = {}): Promise<Control> {
  const server = createServer(async (request, response) => {
    // A test that runs a command synchronously does not see that a kept connection has ended, and would use it again.
    response.setHeader('connection', 'close')
    const reply = await readCall(request)
      .then((call) => route(world, more, call))
      .catch(errorReply)
    sendReply(response, request.method ?? 'GET', reply)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
