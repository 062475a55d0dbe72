import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Authority } from './authority.ts'
import type { Dns } from './dns.ts'
import { LETS_ENCRYPT, startLetsEncrypt } from './letsEncrypt.ts'
import type { Network } from './network.ts'
import { argv, type Daemon, run, runOrThrow, startDaemon, waitForPort } from './processes.ts'

/**
 * The ACME certificate authority of the rehearsal: Let's Encrypt's own test server, Pebble. Inside the rehearsal it
 * also answers under Let's Encrypt's host names (letsEncrypt.ts).
 */
export interface Pebble {
  /** ACME directory, `https://acme.rehearsal.test:14000/dir`; its certificate is from the rehearsal's authority. */
  directory: string
  /** PEM of the root that issues site certificates. A new one after each start. */
  rootCertificate(): Promise<string>
  /**
   * Names for which it refuses to issue (`rejectedIdentifier`). Restarts it, so its accounts are lost. Debian 12's
   * certbot 2.1 crashes on that answer and leaves the reason only in its log: use `mislead` of the DNS to read it on screen.
   */
  refuse(names: string[]): Promise<void>
  /** Stops the server; orders get "connection refused" until `start`. */
  stop(): Promise<void>
  start(): Promise<void>
  /** Stops everything permanently. */
  close(): Promise<void>
}

export interface PebbleOptions {
  network: Network
  dns: Dns
  authority: Authority
  folder: string
}

const NAME = 'acme.rehearsal.test'
const PORT = 14000
const MANAGEMENT_PORT = 15000
/** 90 days, as Let's Encrypt's until 2027-02-10. */
const LIFETIME_SECONDS = 90 * 86_400

export async function startPebble(options: PebbleOptions): Promise<Pebble> {
  const { network, dns, authority, folder } = options
  const own = join(folder, 'pebble')
  mkdirSync(own, { recursive: true })
  // A second address of this host, because port 443 of the first one belongs to the rehearsal's Azure.
  const address = network.allocate()
  await runOrThrow(argv`ip address add ${address}/24 dev ${network.bridge}`)
  const { certificateFile, keyFile } = await authority.issue([NAME, address])
  const names = [NAME, ...LETS_ENCRYPT]
  await Promise.all(names.map((name) => dns.set(name, [address])))
  const front = await startLetsEncrypt({
    address,
    pebble: { host: address, port: PORT, servername: NAME },
    authority,
  })
  const config = join(own, 'pebble.json')
  const log = join(own, 'pebble.log')
  const roots = `https://${address}:${MANAGEMENT_PORT}/roots/0`
  let blocklist: string[] = []
  let daemon: Daemon | undefined

  async function start(): Promise<void> {
    if (daemon) return
    writeFileSync(
      config,
      JSON.stringify({
        pebble: {
          listenAddress: `${address}:${PORT}`,
          managementListenAddress: `${address}:${MANAGEMENT_PORT}`,
          certificate: certificateFile,
          privateKey: keyFile,
          httpPort: 80,
          tlsPort: 443,
          ocspResponderURL: '',
          externalAccountBindingRequired: false,
          domainBlocklist: blocklist,
          certificateValidityPeriod: LIFETIME_SECONDS,
        },
      }),
    )
    daemon = startDaemon({
      argv: ['pebble', '-config', config, '-dnsserver', dns.authorityView],
      // No artificial waits and no artificial nonce errors: this rehearses a deploy, not an ACME client. By default, Pebble
      // also reuses half of its valid authorizations, at random (its README, "Valid Authorization Reuse").
      env: { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0', PEBBLE_AUTHZREUSE: '0' },
      cwd: own,
      log,
      folder,
    })
    const what = 'The certificate authority of the rehearsal (Pebble)'
    await waitForPort(address, PORT, { what, daemon, log })
    await waitForPort(address, MANAGEMENT_PORT, { what, daemon, log })
  }
  async function stop(): Promise<void> {
    await daemon?.stop()
    daemon = undefined
  }
  const close = async () => {
    await stop()
    await front.stop()
    // The DNS and the network may already be down; then there is nothing left to undo in them.
    await Promise.all(names.map((name) => dns.remove(name).catch(() => {})))
    await run(argv`ip address delete ${address}/24 dev ${network.bridge}`)
    network.release(address)
  }

  await start().catch(async (error) => {
    await close()
    throw error
  })
  return {
    directory: `https://${NAME}:${PORT}/dir`,
    rootCertificate: () =>
      runOrThrow(argv`curl --silent --show-error --fail --cacert ${authority.certificateFile} ${roots}`),
    async refuse(names) {
      await stop()
      blocklist = names
      await start()
    },
    stop,
    start,
    close,
  }
}
