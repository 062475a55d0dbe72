import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Network } from './network.ts'
import { getFreePort, startDaemon, waitForPort } from './processes.ts'

/** The DNS server of the rehearsal. A name that has not been set has no address. */
export interface Dns {
  /** The address at which it answers, on port 53 (UDP and TCP). */
  address: string
  /** Sets the A records of a name, replacing the previous ones. */
  set(host: string, addresses: string[]): Promise<void>
  remove(host: string): Promise<void>
  /** Sets the AAAA records of a name; none removes them. */
  setIpv6(host: string, addresses: string[]): Promise<void>
  stop(): Promise<void>
}

/** Starts pebble-challtestsrv (Debian package pebble) as the DNS server on `network.host`. */
export async function startDns(options: { network: Network; folder: string }): Promise<Dns> {
  mkdirSync(options.folder, { recursive: true })
  const address = options.network.host
  const port = await getFreePort()
  const log = join(options.folder, 'dns.log')
  const daemon = startDaemon({
    argv: ['pebble-challtestsrv', '-dns01', `${address}:53`, '-management', `127.0.0.1:${port}`].concat([
      '-defaultIPv4',
      '',
      '-defaultIPv6',
      '',
      '-http01',
      '',
      '-https01',
      '',
      '-tlsalpn01',
      '',
    ]),
    log,
    folder: options.folder,
  })
  await waitForPort('127.0.0.1', port, { what: 'The DNS of the rehearsal', daemon, log })
  await waitForPort(address, 53, { what: 'The DNS of the rehearsal', daemon, log })

  async function manage(action: string, body: object): Promise<void> {
    const response = await fetch(`http://127.0.0.1:${port}/${action}`, {
      method: 'POST',
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`The DNS of the rehearsal refused ${action}: ${await response.text()}`)
  }
  const records = new Map<string, string>()
  return {
    address,
    async set(host, addresses) {
      if (records.get(host) === addresses.join()) return // There must be no moment without an answer.
      records.set(host, addresses.join())
      await manage('clear-a', { host })
      if (addresses.length > 0) await manage('add-a', { host, addresses })
    },
    async remove(host) {
      records.delete(host)
      await manage('clear-a', { host })
    },
    async setIpv6(host, addresses) {
      await manage('clear-aaaa', { host })
      if (addresses.length > 0) await manage('add-aaaa', { host, addresses })
    },
    stop: () => daemon.stop(),
  }
}
