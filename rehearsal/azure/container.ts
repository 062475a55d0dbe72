import type { ChildProcess } from 'node:child_process'
import { getInsidePid, type Machine } from '../machine.ts'
import type { ContainerLog } from './containerLog.ts'
import type { Image } from './images.ts'
import type { Bag } from './json.ts'
import { type Probe, startProbe } from './probes.ts'

const stopGrace = 10_000
const longestBackOff = 10_000
/** A container that ran for this long (in milliseconds) starts its back-off again. */
const settled = 60_000

export interface ContainerOptions {
  name: string
  image: Image
  imageName: string
  command: string[]
  env: Record<string, string>
  restartPolicy: 'Always' | 'OnFailure' | 'Never'
  liveness: Bag | undefined
  readiness: Bag | undefined
}

export interface ContainerState {
  state: 'Waiting' | 'Running' | 'Terminated'
  startTime?: string
  finishTime?: string
  exitCode?: number
  detailStatus: string
}

/** One supervised container; its history is kept across restarts. */
export interface Container {
  name: string
  current: ContainerState
  previous: ContainerState | undefined
  restarts: number
  ready: boolean
  events: Bag[]
  readonly log: ContainerLog
  /** The main process, as a process id of this host. */
  pid(): number | undefined
  kill(): void
  restart(): Promise<void>
  /** Ends it permanently; `stopped` if by Azure's `stop`, not by a removal. */
  stop(): Promise<void>
  start(): Promise<void>
}

/** The history of a group's container, so that an update continues its logs. */
export interface Story {
  log: ContainerLog
  events: Bag[]
}

const newEvents =
  (story: Story) =>
  (name: string, message: string, type = 'Normal') => {
    const now = new Date().toISOString()
    const last = story.events.at(-1)
    if (last?.name === name && last.message === message) {
      last.count += 1
      last.lastTimestamp = now
    } else story.events.push({ count: 1, firstTimestamp: now, lastTimestamp: now, name, message, type })
    if (story.events.length > 50) story.events.splice(0, story.events.length - 50)
  }

/** The prefix that runs a program as `USER` of a Dockerfile: a name of the machine, or numbers. */
async function asUser(machine: Machine, user: string): Promise<string[]> {
  if (user === '' || user === 'root' || user === '0') return []
  const [name = '', group] = user.split(':')
  const numeric = /^\d+$/.test(name)
  const { stdout } = await machine.run(['getent', 'passwd', name])
  const fields = stdout.trim().split(':')
  if (fields.length < 4 && !numeric)
    throw new Error(`unable to find user ${name}: no matching entries in passwd file`)
  const groups =
    group && !/^\d+$/.test(group)
      ? (await machine.run(['getent', 'group', group])).stdout.split(':')[2]
      : group
  const gid = groups ?? fields[3] ?? '0'
  const reuid = `--reuid=${numeric ? name : fields[2]}`
  return ['setpriv', reuid, `--regid=${gid}`, fields.length < 4 ? '--clear-groups' : '--init-groups', '--']
}

/** Starts a container's program in its machine and keeps it running according to its restart policy. */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: its closures share the state of one container.
export async function startContainer(
  machine: Machine,
  options: ContainerOptions,
  story: Story,
): Promise<Container> {
  const { image } = options
  const event = newEvents(story)
  let child: ChildProcess | undefined
  let ended: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  let probes: Probe[] = []
  let wanted = true
  let backOff = 1000
  let startedAt = 0

  const container: Container = {
    name: options.name,
    current: { state: 'Waiting', detailStatus: '' },
    previous: undefined,
    restarts: 0,
    ready: options.readiness === undefined,
    events: story.events,
    log: story.log,
    pid: () => (child && container.current.state === 'Running' ? getInsidePid(child) : undefined),
    kill: () => {
      child?.kill('SIGKILL')
    },
    async restart() {
      wanted = false
      await end()
      wanted = true
      backOff = 1000
      await begin()
    },
    async stop() {
      wanted = false
      await end()
    },
    async start() {
      if (container.current.state === 'Running') return
      wanted = true
      await begin()
    },
  }
  const { keep } = story.log

  /** SIGTERM, then SIGKILL after the grace period. */
  async function end(): Promise<void> {
    clearTimeout(timer)
    for (const probe of probes) probe.stop()
    if (container.current.state !== 'Running') return
    child?.kill('SIGTERM')
    const hard = setTimeout(() => child?.kill('SIGKILL'), stopGrace)
    await ended
    clearTimeout(hard)
  }

  async function begin(): Promise<void> {
    const { Env = [], Entrypoint = [], Cmd = [], WorkingDir = '/', User = '' } = image.config
    const argv = options.command.length > 0 ? options.command : [...Entrypoint, ...Cmd]
    const prefix = await asUser(machine, User)
    startedAt = Date.now()
    const inside = (program: string[]) =>
      machine.spawn([...prefix, ...program], {
        cwd: WorkingDir || '/',
        env: {
          HOME: prefix.length === 0 ? '/root' : '/',
          HOSTNAME: machine.name,
          ...Object.fromEntries(Env.map((each) => each.split(/=(.*)/s, 2))),
          ...options.env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
    const started = inside(argv)
    child = started
    container.current = { state: 'Running', startTime: new Date().toISOString(), detailStatus: '' }
    event('Started', 'Started container')
    started.stdout?.on('data', keep)
    started.stderr?.on('data', keep)
    ended = new Promise((resolve) => {
      started.once('error', (error) => {
        keep(`${error.message}\n`)
        onEnd(127)
        resolve()
      })
      // Not `close`: children left behind by the main process may hold its output open.
      started.once('exit', async (code, signal) => {
        // Everything ends with the main process, as in a container; only the machine's init remains.
        await machine.run(['sh', '-c', 'kill -9 -1']).catch(() => {})
        onEnd(code ?? (signal === 'SIGKILL' ? 137 : 143))
        resolve()
      })
    })
    probes = []
    container.ready = options.readiness === undefined
    if (options.liveness)
      probes.push(
        startProbe(machine.address, inside, options.liveness, {
          failed(reason) {
            event('Unhealthy', `Liveness probe failed: ${reason}`, 'Warning')
          },
          gaveUp(reason) {
            event(
              'Killing',
              `Killing container with id ${options.name}: Container failed liveness probe (${reason}), will be killed and recreated.`,
            )
            started.kill('SIGTERM')
            setTimeout(() => started.kill('SIGKILL'), stopGrace).unref()
          },
        }),
      )
    if (options.readiness)
      probes.push(
        startProbe(machine.address, inside, options.readiness, {
          succeeded() {
            container.ready = true
          },
          failed(reason) {
            event('Unhealthy', `Readiness probe failed: ${reason}`, 'Warning')
          },
          gaveUp() {
            container.ready = false
          },
          goesOn: true,
        }),
      )
  }

  function onEnd(exitCode: number): void {
    for (const probe of probes) probe.stop()
    container.ready = false
    container.current = {
      state: 'Terminated',
      ...(container.current.startTime ? { startTime: container.current.startTime } : {}),
      finishTime: new Date().toISOString(),
      exitCode,
      detailStatus: exitCode === 0 ? 'Completed' : 'Error',
    }
    const again =
      options.restartPolicy === 'Always' || (options.restartPolicy === 'OnFailure' && exitCode !== 0)
    if (!wanted || !again) return
    event('BackOff', `Container terminated with ExitCode ${exitCode}; back-off restarting it.`, 'Warning')
    if (Date.now() - startedAt > settled) backOff = 1000
    container.previous = container.current
    container.current = { state: 'Waiting', detailStatus: 'CrashLoopBackOff: Back-off restarting failed' }
    timer = setTimeout(() => {
      container.restarts += 1
      void begin().catch((error) => keep(`${error.message}\n`))
    }, backOff)
    backOff = Math.min(backOff * 2, longestBackOff)
  }

  event('Created', 'Created container')
  await begin()
  return container
}
