import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Authority } from './authority.ts'
import type { Dns } from './dns.ts'
import { type Machine, runIn, startMachine } from './machine.ts'
import type { Network } from './network.ts'
import type { Files } from './overlay.ts'
import { argv, waitForPort } from './processes.ts'
import { packageSource } from './roots.ts'
import { sshServer } from './vps/sshServer.ts'

export interface VpsOptions {
  network: Network
  dns: Dns
  authority: Authority
  /** The rehearsal's folder. */
  folder: string
  /** The file system that it starts from (roots.ts). */
  root: string
  /** Public key, in the form of an authorized_keys line, that may log in as root. */
  authorizedKey: string
}

/** The IONOS VPS of the rehearsal: a bare Debian server with sshd, and packages to install from. */
export interface Vps extends Machine {
  /** Its IPv6 address; no AAAA record leads to it until somebody sets one. */
  ipv6: string
  /** known_hosts lines for its address, one per host key. */
  hostKeys: string[]
}

/**
 * Starts the VPS, with sshd answering on port 22. nginx and certbot are missing, as on a rented server: `apt-get update
 * && apt-get install nginx certbot` works inside it without a network.
 */
export async function startVps(options: VpsOptions): Promise<Vps> {
  const { network, dns, authority, folder, root } = options
  const own = join(folder, 'vps')
  mkdirSync(own, { recursive: true, mode: 0o700 })
  const ssh = await sshServer(own, options.authorizedKey, root)
  const machine = await startMachine({
    name: 'vps',
    folder,
    network,
    resolver: dns.address,
    hasIpv6: true,
    authorities: [authority.certificate],
    root,
    files: { ...ssh.files, ...systemFiles() },
  })
  try {
    await runIn(machine, argv`systemctl start ssh`)
    await waitForPort(machine.address, 22, { what: `The ssh server of ${machine.name}` })
  } catch (error) {
    await machine.stop()
    throw error
  }
  return {
    ...machine,
    ipv6: network.toIpv6(machine.address),
    hostKeys: ssh.publicKeys.map((key) => `${machine.address} ${key}`),
  }
}

function systemFiles(): Files {
  return {
    ...systemctl(),
    '/etc/apt/sources.list': { text: packageSource },
    '/run/sshd/.keep': { text: '' },
    // Maintainer scripts and certbot's cron job conclude from this folder that systemctl is in charge.
    '/run/systemd/system/.keep': { text: '' },
  }
}

/** The substitute for systemctl: a program, and the folder with the modules that it imports. */
function systemctl(): Files {
  const folder = join(import.meta.dirname, 'vps', 'systemd')
  const text = (name: string) => readFileSync(join(folder, name), 'utf8')
  const modules = readdirSync(folder).filter((name) => name.endsWith('.py'))
  return {
    '/usr/bin/systemctl': { text: text('systemctl'), mode: 0o755 },
    ...Object.fromEntries(
      modules.map((name) => [`/usr/share/systemctl-of-rehearsal/${name}`, { text: text(name) }]),
    ),
  }
}
