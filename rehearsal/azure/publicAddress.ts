import { type Call, ok, type Reply } from './http.ts'
import type { World } from './world.ts'

/** api.ipify.org: returns this host's address in the rehearsal's network. */
export function publicAddress(world: World, call: Call): Reply {
  const ip = world.network.host
  if (call.query.get('format') === 'json') return ok({ ip })
  return { status: 200, headers: { 'Content-Type': 'text/plain' }, body: ip }
}
