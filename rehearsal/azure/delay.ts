import { type Relay, startRelay } from '../relay.ts'
import { getFqdn } from './containerHost.ts'
import { refuse } from './errors.ts'
import type { GroupRuntime } from './providers/containers.ts'
import type { Resource, World } from './world.ts'

const relays = new Map<string, Relay>()

/**
 * Delays the answers of a container group for everyone who uses its name, by pointing the name at a relay in
 * front of it. 0 removes the delay. nginx on the VPS caches an address for 10 s.
 */
export async function delayGroup(world: World, resource: Resource, milliseconds: number): Promise<void> {
  const { machine } = resource.runtime as GroupRuntime
  const name = getFqdn(world, resource)
  const [port] = resource.wanted.properties.ipAddress?.ports ?? []
  if (!machine || !name || !port || !(milliseconds >= 0)) throw refuse('delay')
  await relays.get(name)?.stop()
  relays.delete(name)
  if (milliseconds === 0) return world.dns.set(name, [machine.address])
  // Half of the delay on the way there, half on the way back.
  const relay = await startRelay(
    { host: machine.address, port: port.port },
    { delayMs: milliseconds / 2 },
    { host: world.network.host, port: port.port },
  )
  relays.set(name, relay)
  await world.dns.set(name, [world.network.host])
}
