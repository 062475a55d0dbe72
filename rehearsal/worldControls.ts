import type { Authority } from './authority.ts'
import { type Controls, unknownControl } from './azure/controlServer.ts'
import { jsonBody } from './azure/http.ts'
import type { IonosDnsOptions } from './azure/ionosDns.ts'
import type { Dns } from './dns.ts'
import { expireCertificate } from './expired.ts'
import type { Network } from './network.ts'
import type { Pebble } from './pebble.ts'
import { setVpsFault } from './vps/faults.ts'
import type { Vps } from './vps.ts'

/**
 * The initial zone of the domain: parked, with mail and a verification record that must survive every change.
 */
export const zone: IonosDnsOptions['zones'][string] = [
  { name: 'codexdominion.app', type: 'A', content: '192.0.2.80' },
  { name: 'www.codexdominion.app', type: 'A', content: '192.0.2.80' },
  { name: 'status.codexdominion.app', type: 'A', content: '192.0.2.81', ttl: 300 },
  { name: 'codexdominion.app', type: 'MX', content: 'mx00.ionos.com', prio: 10 },
  { name: 'codexdominion.app', type: 'TXT', content: '"v=spf1 include:_spf.ionos.com ~all"' },
]

/**
 * Lets tests change the world between the clouds: POST /dns {name, a?, aaaa?} sets records, POST /ca/mislead
 * {name, addresses?} makes only the CA see other records, /ca/refuse {names}, /ca/stop, /ca/start; /network
 * {cut} disconnects this host (true) or reconnects it; /certificate {expired} gives the site an expired
 * certificate (true) or the valid one again; /vps {name, on?} turns a fault of the server on or off (vps/faults.ts:
 * nameserver, apache, noise, locale). @param trust called when the CA has a new root, as after each
 * start
 */
export function createControls(
  world: { network: Network; dns: Dns; authority: Promise<Pebble>; vps: Promise<Vps>; own: Authority },
  trust: (ca: Pebble) => Promise<void>,
): Controls {
  const { network, dns, vps, own } = world
  return {
    async dns(call) {
      const { name, a, aaaa } = jsonBody(call)
      if (a) await dns.set(name, a)
      if (aaaa) await dns.setIpv6(name, aaaa)
    },
    async network(call) {
      await network.cut(jsonBody(call).cut === true)
    },
    async certificate(call) {
      await expireCertificate(await vps, own, jsonBody(call).expired === true)
    },
    async vps(call) {
      const { name, on } = jsonBody(call)
      await setVpsFault(await vps, String(name), on !== false)
    },
    async ca(call) {
      const ca = await world.authority
      const what = call.path.split('/')[2] ?? ''
      if (what === 'mislead') await dns.mislead(jsonBody(call).name, jsonBody(call).addresses)
      else if (what === 'refuse') await ca.refuse(jsonBody(call).names)
      else if (what === 'stop') await ca.stop()
      else if (what === 'start') await ca.start()
      else throw unknownControl(call)
      if (what === 'refuse' || what === 'start') await trust(ca)
    },
  }
}
