import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
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
export type Controls = Readonly<Record<string, (call: Call) => Promise<Reply>>>

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

async function containerRoute(
  world: World,
  call: Call,
  name: string,
  what: string | undefined,
): Promise<Reply> {
  const resource = found(world, 'Microsoft.ContainerInstance/containerGroups', name)
  const { container, machine, incarnation } = resource.runtime as GroupRuntime
  if (!container) throw refuse('notRunning', { name })
  if (call.method === 'POST' && what === 'kill') {
    const pid = container.pid()
    container.kill()
    return ok({ pid: pid ?? null })
  }
  if (call.method === 'POST' && what === 'stop') await container.stop()
  else if (call.method === 'POST' && what === 'start') await container.start()
  else if (call.method === 'POST' && what === 'delay') {
    await delayGroup(world, resource, Number(jsonBody(call).milliseconds))
  } else if (call.method !== 'GET' || what)
    throw refuse('unknownControl', { method: call.method, path: call.path })
  return ok({
    name,
    pid: container.pid() ?? null,
    restarts: container.restarts,
    ready: container.ready,
    state: container.current,
    address: machine?.address,
    incarnation,
    env: (resource.wanted.properties.containers[0].properties.environmentVariables ?? []).map(
      (each: Bag) => each.name,
    ),
  })
}

async function serverRoute(
  server: PostgresServer | RedisServer | undefined,
  call: Call,
  what: string | undefined,
): Promise<Reply> {
  if (!server) throw refuse('serverNotReady', { path: call.path })
  if (call.method === 'POST' && what === 'stop') await server.stop()
  else if (call.method === 'POST' && what === 'start') await server.start()
  else if (call.method !== 'GET' || what)
    throw refuse('unknownControl', { method: call.method, path: call.path })
  return ok({ host: server.host, address: server.machine.address, running: server.running() })
}

async function route(world: World, more: Controls, call: Call): Promise<Reply> {
  const [kind = '', name, what] = call.path.split('/').filter(Boolean)
  const further = Object.hasOwn(more, kind) ? more[kind] : undefined
  if (further) return further(call)
  if (kind === 'faults' && call.method === 'POST') return setFault(world, call)
  if (kind === 'faults' && call.method === 'GET')
    return ok({ faults: [...world.faults.values()], known: faultNames })
  if (kind === 'providers' && call.method === 'POST') return setProvider(world, call)
  if (kind === 'requests' && call.method === 'GET') return ok({ requests: world.requests })
  if (kind === 'requests' && call.method === 'DELETE') {
    world.requests.length = 0
    return { status: 204 }
  }
  if (kind === 'names' && name === 'free' && call.method === 'POST') {
    const freed = [...world.heldNames]
    world.heldNames.clear()
    return ok({ freed })
  }
  if (kind === 'verdict' && call.method === 'GET') return ok(world.judge.verdict)
  if (kind === 'resources' && call.method === 'GET') {
    const value = [...world.resources.values()].map(({ id, state }) => ({ id, state }))
    return ok({ resources: value })
  }
  if (kind === 'containers' && name) return containerRoute(world, call, name, what)
  if (kind === 'postgres' && name)
    return serverRoute(
      found(world, 'Microsoft.DBforPostgreSQL/flexibleServers', name).runtime.server,
      call,
      what,
    )
  if (kind === 'redis' && name) {
    const resource = [...world.resources.values()].find(
      (each) =>
        each.type.startsWith('Microsoft.Cache/') && each.name.split('/')[0] === name && each.runtime.server,
    )
    return serverRoute(resource?.runtime.server, call, what)
  }
  throw refuse('unknownControl', { method: call.method, path: call.path })
}

/**
 * The control interface for tests, on loopback only: faults, crashes, recorded requests. No real cloud has
 * this. Containers: POST /containers/NAME/kill (its restart policy brings it back), /stop, /start, /delay
 * {milliseconds}. Servers: POST /postgres/NAME/stop, /start, and /redis/NAME/…
 * Names of deleted resources: POST /names/free, as if the days had passed.
 */
export async function openControlServer(world: World, more: Controls = {}): Promise<Control> {
  const server = createServer(async (request, response) => {
    // A test that runs a command synchronously does not see that a kept connection has ended, and would use it again.
    response.setHeader('connection', 'close')
    try {
      sendReply(response, request.method ?? 'GET', await route(world, more, await readCall(request)))
    } catch (error) {
      sendReply(response, request.method ?? 'GET', errorReply(error))
    }
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
