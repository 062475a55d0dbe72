import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { argv, getStartTime, killRecorded, PATH, run, runOrThrow, TIED } from './processes.ts'

/**
 * The network of one rehearsal: 10.213.<slot>.0/24 and 2001:db8:213:<slot>::/64 (RFC 3849); this host is .1 and ::1.
 *
 * The switch (a Linux bridge) is in a separate network namespace, not among the host's interfaces: a host with Docker
 * filters bridged packets by its own rules (br_netfilter), and a namespace disappears when its process ends. The host
 * gets only one end of a cable.
 */
export interface Network {
  /** Name of this host's interface to the network. */
  bridge: string
  /** This host's address, 10.213.<slot>.1. */
  host: string
  /** The IPv6 address that belongs to an address of this network: 2001:db8:213:<slot>::5 to .5. */
  toIpv6(address: string): string
  /** The next free address. Released addresses are reused as late as possible, as in a cloud. */
  allocate(): string
  release(address: string): void
  /** Gives the network namespace of process `pid` an interface `eth0` that is connected to the switch. */
  plug(pid: number): Promise<void>
  /** Disconnects this host, or reconnects it. The machines can still reach each other. */
  cut(off: boolean): Promise<void>
  stop(): Promise<void>
}

interface Link {
  ifname: string
  ifalias?: string
}

const SLOTS = 250

/** Starts the network. Errors: not root, no iproute2, every slot taken. */
export async function startNetwork(options: { name: string }): Promise<Network> {
  assertRoot()
  await runOrThrow(['ip', '-V']).catch(() => {
    throw new Error('The rehearsal needs the program `ip`: apt-get install iproute2')
  })
  const holder = await startSwitch()
  try {
    const slot = await claimSlot(options.name, holder.pid)
    return network(slot, holder)
  } catch (error) {
    await holder.stop()
    throw error
  }
}

/** Throws a clear error unless this process may create namespaces. */
export function assertRoot(): void {
  if (process.platform !== 'linux') throw new Error('The rehearsal needs Linux (Debian or Ubuntu).')
  if (process.getuid?.() !== 0)
    throw new Error(
      'The rehearsal creates network namespaces and mounts: run it as root (sudo npm run rehearse).',
    )
}

function network(slot: number, holder: Switch): Network {
  const bridge = interfaceName(slot)
  const taken = new Set<number>([1])
  let last = 1
  let ports = 0
  return {
    bridge,
    host: `10.213.${slot}.1`,
    toIpv6: (address) => `2001:db8:213:${slot}::${address.split('.')[3]}`,
    allocate() {
      for (let tries = 0; tries < 253; tries++) {
        last = last >= 254 ? 2 : last + 1
        if (taken.has(last)) continue
        taken.add(last)
        return `10.213.${slot}.${last}`
      }
      throw new Error(`The rehearsal's network 10.213.${slot}.0/24 has no free address left.`)
    },
    release(address) {
      taken.delete(Number(address.split('.')[3]))
    },
    async plug(pid) {
      const port = `port${++ports}`
      await runOrThrow(
        argv`ip link add name eth0 netns ${pid} type veth peer name ${port} netns ${holder.pid}`,
      )
      await runOrThrow(argv`${inSwitch(holder.pid)} ip link set ${port} master switch up`)
    },
    async cut(off) {
      await runOrThrow(argv`${inSwitch(holder.pid)} ip link set host ${off ? 'down' : 'up'}`)
    },
    async stop() {
      await run(argv`ip link delete ${bridge}`)
      await holder.stop()
    },
  }
}

interface Switch {
  pid: number
  stop(): Promise<void>
}

async function startSwitch(): Promise<Switch> {
  const script = `
    ip link add switch type bridge stp_state 0 forward_delay 0
    ip link set switch up
    echo ready
    exec sleep infinity`
  const [program, ...rest] = argv`${TIED} unshare --net -- sh -euc ${script}`
  const child = spawn(program!, rest, {
    env: { PATH, LC_ALL: 'C' },
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let words = ''
  child.stderr.on('data', (chunk) => {
    words += chunk
  })
  const ended = once(child, 'close')
  ended.catch(() => {})
  const ready = once(child.stdout, 'data').then(() => true)
  if (!(await Promise.race([ready, ended.then(() => false)])))
    throw new Error(
      `This machine does not allow the rehearsal to create a network namespace: ${words.trim()}. In a container, start it with --privileged.`,
    )
  return {
    pid: child.pid!,
    async stop() {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await ended
    },
  }
}

const inSwitch = (pid: number): string[] => argv`nsenter -t ${pid} -n --`

const interfaceName = (slot: number): string => `rehearsal${slot}`

/**
 * Takes the first free slot. Creating the interface claims it, so two rehearsals that start at the same
 * moment cannot both succeed. The alias of the interface names its owner.
 */
async function claimSlot(name: string, pid: number): Promise<number> {
  const routes = await runOrThrow(argv`ip -4 route show table all`)
  for (let slot = 1; slot <= SLOTS; slot++) {
    if (routes.includes(`10.213.${slot}.`)) continue
    const host = interfaceName(slot)
    const added = await run(argv`ip link add name ${host} type veth peer name host netns ${pid}`)
    if (added.code !== 0) {
      if (added.stderr.includes('File exists')) continue
      throw new Error(`Cannot create the rehearsal's network: ${added.stderr.trim()}`)
    }
    const input = [
      `link set ${host} alias "${alias(name)} ${pid} ${getStartTime(pid)}"`,
      `link set ${host} addrgenmode none`,
      `address add 10.213.${slot}.1/24 dev ${host}`,
      `link set ${host} up`,
    ].join('\n')
    await runOrThrow(['ip', '-batch', '-'], { input })
    // A host without IPv6 runs the rehearsal, too; there the VPS is reached over IPv4 alone.
    await run(argv`ip -6 address add 2001:db8:213:${slot}::1/64 dev ${host} nodad`)
    await runOrThrow(argv`${inSwitch(pid)} ip link set host master switch up`)
    return slot
  }
  throw new Error(
    `All ${SLOTS} networks of rehearsals (10.213.1.0/24 and following) are in use on this machine.`,
  )
}

function alias(name: string): string {
  if (!/^[\w.-]{1,64}$/.test(name))
    throw new Error(
      `The rehearsal's name ${JSON.stringify(name)} may contain only letters, digits, dots, - and _.`,
    )
  return `dominion rehearsal ${name}`
}

/**
 * Removes what a killed run of the rehearsal `name` left behind: its processes (recorded in its folder), its
 * interface and, with it, its network. Machines and their mounts are in namespaces that end with their
 * processes. Returns what was removed, one line each. Do not call it while that rehearsal is running.
 */
export async function removeLeftovers(name: string, folder: string): Promise<string[]> {
  assertRoot()
  const removed: string[] = []
  // Parts of the rehearsal, such as its Azure, keep their own records one level below.
  const parts = (existsSync(folder) ? readdirSync(folder) : []).map((part) => join(folder, part))
  let processes = 0
  for (const part of [folder, ...parts]) processes += await killRecorded(part)
  if (processes > 0) removed.push(`${processes} process${processes === 1 ? '' : 'es'}`)
  const listed = await runOrThrow(argv`ip -json link show type veth`)
  const links = JSON.parse(listed || '[]') as Link[]
  for (const { ifname, ifalias } of links) {
    if (!ifalias?.startsWith(`${alias(name)} `)) continue
    const [pid, started] = ifalias.split(' ').slice(-2)
    if (getStartTime(Number(pid)) === started) process.kill(Number(pid), 'SIGKILL')
    await run(argv`ip link delete ${ifname}`)
    removed.push(`network interface ${ifname}`)
  }
  for (const part of [folder, ...parts]) rmSync(join(part, 'machines'), { recursive: true, force: true })
  return removed
}
