import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Network } from './network.ts'
import { argv, getFreePort, startDaemon, waitForPort } from './processes.ts'

/** The DNS server of the rehearsal. A name that has not been set has no address. */
export interface Dns {
  /** The address at which it answers, on port 53 (UDP and TCP). */
  address: string
  /** Sets the A records of a name, replacing the previous ones. */
  set(host: string, addresses: string[]): Promise<void>
  remove(host: string): Promise<void>
  /** Sets the AAAA records of a name; an empty list removes them. */
  setIpv6(host: string, addresses: string[]): Promise<void>
  /**
   * ADDRESS:PORT (UDP) where the certificate authority looks names up. It sees the same records as everybody else,
   * unless it is misled.
   */
  authorityView: string
  /** From now on, only the authority sees these A records of a name (an empty list: no address); undefined ends that. */
  mislead(host: string, addresses: string[] | undefined): Promise<void>
  stop(): Promise<void>
}

type RecordType = 'a' | 'aaaa'

/** Starts two servers on this host: one for everybody at `network.host`, one for the certificate authority. */
export async function startDns(options: { network: Network; folder: string }): Promise<Dns> {
  mkdirSync(options.folder, { recursive: true })
  const address = options.network.host
  const authorityView = `127.0.0.1:${await getFreePort()}`
  const everybody = await startServer(`${address}:53`, options.folder)
  const authority = await startServer(authorityView, options.folder)
  const records = new Map<string, string[]>()
  const misled = new Set<string>()

  async function set(type: RecordType, host: string, addresses: string[]): Promise<void> {
    const key = `${type} ${host}`
    if (records.get(key)?.join() === addresses.join()) return // There must be no moment without an answer.
    records.set(key, addresses)
    await everybody.set(type, host, addresses)
    if (!misled.has(host)) await authority.set(type, host, addresses)
  }
  return {
    ...{ address, authorityView },
    set: (host, addresses) => set('a', host, addresses),
    remove: (host) => set('a', host, []),
    setIpv6: (host, addresses) => set('aaaa', host, addresses),
    async mislead(host, addresses) {
      if (addresses) misled.add(host)
      else misled.delete(host)
      await authority.set('a', host, addresses ?? records.get(`a ${host}`) ?? [])
      await authority.set('aaaa', host, addresses ? [] : (records.get(`aaaa ${host}`) ?? []))
    },
    async stop() {
      await Promise.all([everybody.stop(), authority.stop()])
    },
  }
}

/** Starts pebble-challtestsrv (Debian package pebble) as a DNS server. @param at ADDRESS:PORT, UDP and TCP */
async function startServer(at: string, folder: string) {
  const port = await getFreePort()
  const log = join(folder, 'dns.log')
  const empty = ['-defaultIPv4', '-defaultIPv6', '-http01', '-https01', '-tlsalpn01'].flatMap((flag) => [
    flag,
    '',
  ])
  const daemon = startDaemon({
    argv: argv`pebble-challtestsrv -dns01 ${at} -management 127.0.0.1:${port} ${empty}`,
    ...{ log, folder },
  })
  for (const place of [`127.0.0.1:${port}`, at]) {
    const [host, number] = place.split(':')
    await waitForPort(host!, Number(number), { what: 'The DNS of the rehearsal', daemon, log })
  }
  async function manage(action: string, body: object): Promise<void> {
    const address = `http://127.0.0.1:${port}/${action}`
    const response = await fetch(address, { method: 'POST', body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`The DNS of the rehearsal refused ${action}: ${await response.text()}`)
  }
  return {
    async set(type: RecordType, host: string, addresses: string[]) {
      await manage(`clear-${type}`, { host })
      if (addresses.length > 0) await manage(`add-${type}`, { host, addresses })
    },
    stop: daemon.stop,
  }
}
