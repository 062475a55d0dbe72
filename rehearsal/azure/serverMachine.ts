import type { ChildProcess } from 'node:child_process'
import { poll } from '../../lib/util/poll.ts'
import { type Machine, startMachine } from '../machine.ts'
import type { World } from './world.ts'

/** The program of a server, in a separate machine. */
export interface ServerProgram {
  /**
   * Starts it and returns when it answers; does nothing when it is already running. Throws with its last
   * output when it does not become ready.
   */
  start(): Promise<void>
  /** Stops it, and returns when it has ended. */
  stop(): Promise<void>
  running(): boolean
  signal(signal: NodeJS.Signals): void
}

/** A machine that trusts the rehearsal's authority, and a certificate for the host name that it will serve. */
export async function startServerMachine(world: World, name: string, host: string) {
  const certificate = await world.authority.issue([host])
  const machine = await startMachine({
    name: name.slice(0, 63),
    folder: world.folder,
    network: world.network,
    resolver: world.dns.address,
    authorities: [world.authority.certificate],
    root: world.roots.servers,
  })
  return { machine, certificate }
}

interface ProgramOptions {
  /** Its name in error messages. */
  title: string
  argv: string[]
  user: string
  /** Whether it answers now. */
  answers(): Promise<boolean>
  /** The signal that stops it. */
  endSignal: NodeJS.Signals
}

export function serverProgram(machine: Machine, options: ProgramOptions): ServerProgram {
  const { title, argv, user, answers, endSignal } = options
  let child: ChildProcess | undefined
  let ended: Promise<unknown> = Promise.resolve()
  const running = () => child !== undefined && child.exitCode === null && child.signalCode === null
  return {
    running,
    signal: (signal) => void child?.kill(signal),
    async start() {
      if (running()) return
      let words = ''
      const keep = (chunk: Buffer) => {
        words = (words + chunk).slice(-65_536)
      }
      const started = machine.spawn(argv, { user, stdio: ['ignore', 'pipe', 'pipe'] })
      child = started
      started.stdout?.on('data', keep)
      started.stderr?.on('data', keep)
      ended = new Promise((resolve) => started.once('close', resolve))
      const attempt = async () => (running() ? (await answers()) || undefined : false)
      const ready = await poll(attempt, { intervalMs: 100, timeoutMs: 20_000 })
      if (!ready) throw new Error(`${title} does not start:\n${words.trim()}`)
    },
    async stop() {
      if (!running()) return
      child?.kill(endSignal)
      await ended
    },
  }
}
