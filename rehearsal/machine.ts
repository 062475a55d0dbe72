import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Network } from './network.ts'
import { type OverlayOptions, prepareOverlay } from './overlay.ts'
import { argv, collect, type Finished, note, PATH, TIED } from './processes.ts'

export interface MachineOptions extends OverlayOptions {
  /** The rehearsal's folder; the machine's own files are in `<folder>/machines/<name>`. */
  folder: string
  network: Network
  /** Default: the next free address of the network. */
  address?: string
  /** It also has the IPv6 address that belongs to its address. */
  hasIpv6?: boolean
}

export interface SpawnOptions {
  env?: Record<string, string>
  cwd?: string
  /** The name of a user of the machine; default: root. */
  user?: string
  stdio?: StdioOptions
}

/**
 * A machine of the rehearsal: separate network, mount, pid, IPC and UTS namespaces, and a private overlay of
 * a file system as root. None of it appears in the host's mount table. All of it ends with its init, which
 * ends with the process that started the machine.
 */
export interface Machine {
  name: string
  address: string
  /**
   * Its / as seen from this host (`/proc/<init>/root`) while it runs. Absolute symbolic links inside it
   * resolve to the host's files when followed from outside.
   */
  root: string
  /** The process id of its init on this host. */
  pid: number
  /**
   * Starts a program inside, with exactly that environment and a PATH. `kill` of the result signals the program
   * itself, not the `nsenter` in front of it.
   */
  spawn(argv: string[], options?: SpawnOptions): ChildProcess
  run(argv: string[], options?: Omit<SpawnOptions, 'stdio'> & { input?: string | Buffer }): Promise<Finished>
  /** Kills its init and with it every process in it, releases its address, and removes its files. */
  stop(): Promise<void>
}

/**
 * The init of the machine: perl, because every Debian has it. It reaps orphans (by ignoring SIGCHLD) and
 * otherwise sleeps until it is killed.
 */
const INIT = '$SIG{CHLD} = "IGNORE"; sleep 86400 while 1'

/** Starts a machine in about a tenth of a second. Errors contain the output of the program that failed. */
export async function startMachine(options: MachineOptions): Promise<Machine> {
  const { name, network } = options
  if (!/^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/.test(name))
    throw new Error(
      `A machine's name is a host name of letters, digits and dashes, not ${JSON.stringify(name)}.`,
    )
  const folder = join(options.folder, 'machines', name)
  mkdirSync(join(options.folder, 'machines'), { recursive: true })
  try {
    mkdirSync(folder)
  } catch {
    throw new Error(`The machine ${name} exists already (${folder}). Take the rehearsal down first.`)
  }
  const address = options.address ?? network.allocate()
  const free = () => {
    network.release(address)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const mounting = await prepareOverlay(options, folder, address)
    const init = await startInit(options, folder, mounting, address)
    const forget = note(options.folder, init.pid, ['machine', name])
    return machine(name, address, init, async () => {
      await init.stop()
      forget()
      free()
    })
  } catch (error) {
    free()
    throw error
  }
}

interface Init {
  pid: number
  stop(): Promise<void>
}

async function startInit(
  { name, network, hasIpv6 }: MachineOptions,
  folder: string,
  mounting: string,
  address: string,
): Promise<Init> {
  // /proc is still the host's when the script starts, so `self` is this shell's process id on the host.
  const script = `
read pid rest < /proc/self/stat
echo "$pid"
${mounting}
hostname ${name}
read go
ip -batch - <<END
link set lo up
address add ${address}/24 dev eth0
link set eth0 addrgenmode none
link set eth0 up
END
${hasIpv6 ? `ip -6 address add ${network.toIpv6(address)}/64 dev eth0 nodad || echo 'no IPv6' >&2` : ''}
echo ready
exec perl -e '${INIT}' < /dev/null > /dev/null 2>&1
`
  const file = join(folder, 'start.sh')
  writeFileSync(file, script, { mode: 0o600 })
  const [program, ...rest] = argv`
    ${TIED} unshare --mount --pid --fork --kill-child --net --uts --ipc -- sh -eu ${file}`
  const child = spawn(program!, rest, {
    env: { PATH, LC_ALL: 'C' },
    cwd: '/',
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  let words = ''
  child.stderr.on('data', (chunk) => {
    words += chunk
  })
  child.stdin.on('error', () => {})
  const ended = once(child, 'close')
  ended.catch(() => {})
  let pid = 0
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    // Kill the init first, so that unshare reaps it. Without an init, unshare ends its child (--kill-child).
    process.kill(pid || child.pid!, 'SIGKILL')
    await ended
  }
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  /** The next line that the script prints. */
  const hear = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (!done) return value
    await ended
    throw new Error(words.trim() || 'its set-up ended without a message')
  }
  try {
    pid = Number(await hear())
    await network.plug(pid)
    child.stdin.end('go\n')
    await hear()
    return { pid, stop }
  } catch (error) {
    await stop()
    throw new Error(`The machine ${name} does not start: ${error instanceof Error ? error.message : error}`)
  }
}

function machine(name: string, address: string, init: Init, stop: () => Promise<void>): Machine {
  const root = `/proc/${init.pid}/root`
  const enter = argv`nsenter -t ${init.pid} -m -n -p -u -i -r -w --`

  function start(line: string[], options: SpawnOptions = {}): ChildProcess {
    const folder = options.cwd === undefined ? [] : argv`env -C ${options.cwd} --`
    const inside = [...enter, ...asUser(root, options.user), ...folder, ...line]
    const child = spawn(inside[0]!, inside.slice(1), {
      env: { PATH, ...options.env },
      cwd: '/',
      stdio: options.stdio ?? 'pipe',
      detached: true,
    })
    child.kill = (signal) => killInside(child, signal)
    return child
  }
  let stopping: Promise<void> | undefined
  return {
    name,
    address,
    root,
    pid: init.pid,
    spawn: start,
    run: (line, { input, ...options } = {}) => collect(start(line, options), input),
    stop: () => {
      stopping ??= stop()
      return stopping
    },
  }
}

/** Runs a program in a machine. An exit code other than 0 throws an error with the program's own output. */
export async function runIn(
  machine: Machine,
  line: string[],
  options?: Parameters<Machine['run']>[1],
): Promise<string> {
  const { code, stdout, stderr } = await machine.run(line, options)
  if (code === 0) return stdout
  const words = (stderr || stdout).trim()
  throw new Error(`In ${machine.name}, \`${line.join(' ')}\` ended with ${code}: ${words}`)
}

/**
 * The process id on this host of the program started by an `nsenter`, which forks it to enter the pid
 * namespace.
 */
export function getInsidePid(child: ChildProcess): number | undefined {
  try {
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
    return Number(children.split(' ')[0]) || undefined
  } catch {
    return undefined
  }
}

function killInside(child: ChildProcess, signal: NodeJS.Signals | number = 'SIGTERM'): boolean {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return false
  try {
    return process.kill(getInsidePid(child) ?? child.pid, signal)
  } catch {
    return false
  }
}

function asUser(root: string, user: string | undefined): string[] {
  if (user === undefined) return []
  const account = readFileSync(`${root}/etc/passwd`, 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === user)
  if (!account) throw new Error(`The machine has no user ${JSON.stringify(user)}.`)
  return ['setpriv', `--reuid=${account[2]}`, `--regid=${account[3]}`, '--init-groups', '--']
}
