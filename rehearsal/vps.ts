import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Authority } from './authority.ts'
import type { Dns } from './dns.ts'
import { type Machine, type MachineOptions, startMachine } from './machine.ts'
import type { Network } from './network.ts'
import { waitForPort } from './processes.ts'
import { bareServer } from './vps/bare.ts'
import { fillRepository, type Repository } from './vps/repository.ts'
import { sshServer } from './vps/sshServer.ts'

export interface VpsOptions {
  network: Network
  dns: Dns
  authority: Authority
  /** The rehearsal's folder. */
  folder: string
  /** Public key, in the form of an authorized_keys line, that may log in as root. */
  authorizedKey: string
  /** Its host name; `vps` without it. */
  name?: string
  /**
   * Where downloaded packages are kept; below `folder` without it. One that outlives the rehearsal spares the
   * next one the download, and the network.
   */
  packageCache?: string
}

/** The IONOS VPS of the rehearsal: a bare Debian server with sshd, and packages to install from. */
export interface Vps extends Machine {
  /** known_hosts lines for its address, one per host key. */
  hostKeys: string[]
}

/** Where the VPS finds its packages; its apt knows nothing else. */
const PACKAGES = '/srv/debian'

/** Server software's traces of this host, of which the VPS starts without. */
const FRESH = ['/etc/ssh', '/etc/apt', '/var/lib/apt/lists', '/var/cache/apt', '/var/www', '/var/log', '/srv']

/**
 * Starts the VPS, with sshd answering on port 22. nginx and certbot are not there, as on a rented server:
 * `apt-get update && apt-get install nginx certbot` inside it works, without network.
 */
export async function startVps(options: VpsOptions): Promise<Vps> {
  const { network, dns, authority, folder } = options
  const own = join(folder, 'vps')
  mkdirSync(own, { recursive: true, mode: 0o700 })
  const bare = bareServer()
  const cache = options.packageCache ?? join(own, 'packages')
  const [ssh, repository] = await Promise.all([
    sshServer(own, options.authorizedKey),
    fillRepository(cache, bare.status),
  ])
  const machine = await startMachine({
    name: options.name ?? 'vps',
    folder,
    network,
    resolver: dns.address,
    authorities: [authority.certificate],
    fresh: FRESH,
    files: { ...ssh.files, ...systemFiles(repository) },
  })
  try {
    for (const file of repository.files) cpSync(file, join(machine.root, PACKAGES, basename(file)))
    await boot(machine, bare.purge)
    await waitForPort(machine.address, 22, { what: `The ssh server of ${machine.name}` })
  } catch (error) {
    await machine.stop()
    throw error
  }
  return { ...machine, hostKeys: ssh.publicKeys.map((key) => `${machine.address} ${key}`) }
}

function systemFiles(repository: Repository): NonNullable<MachineOptions['files']> {
  return {
    ...systemctl(),
    '/etc/apt/sources.list': { text: `deb [trusted=yes] file:${PACKAGES} ./\n` },
    '/etc/apt/apt.conf.d/.keep': { text: '' },
    '/etc/apt/preferences.d/.keep': { text: '' },
    [`${PACKAGES}/Packages`]: { text: repository.index },
    '/var/log/apt/history.log': { text: '' },
    '/var/log/wtmp': { text: '' },
    '/var/log/lastlog': { text: '' },
    '/run/sshd/.keep': { text: '' },
    // Maintainer scripts and certbot's cron job take this folder as the sign that systemctl is in charge.
    '/run/systemd/system/.keep': { text: '' },
  }
}

/** The stand-in for systemctl: a program, and the modules that it imports from there. */
function systemctl(): NonNullable<MachineOptions['files']> {
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

async function boot(machine: Machine, purge: string[]): Promise<void> {
  // What keeps services of this host from starting is no rule for the VPS; the manual index costs seconds.
  await inside(machine, ['rm', '-f', '/usr/sbin/policy-rc.d', '/var/lib/man-db/auto-update'])
  if (purge.length > 0) await inside(machine, ['dpkg', '--force-unsafe-io', '--purge', ...purge])
  await inside(machine, ['systemctl', 'start', 'ssh'])
}

async function inside(machine: Machine, argv: string[]): Promise<void> {
  const { code, stdout, stderr } = await machine.run(argv, {
    env: { LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
  })
  if (code !== 0)
    throw new Error(
      `In ${machine.name}, \`${argv.join(' ')}\` ended with ${code}: ${(stderr || stdout).trim()}`,
    )
}
