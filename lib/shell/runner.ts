import { existsSync } from 'node:fs'
import { setImmediate as aTurn, setTimeout as pause } from 'node:timers/promises'
import { type HttpRequest, makeRequest, type NetworkOptions } from '../net/http.ts'
import { type Mail, sendMail } from '../net/smtp.ts'
import { exchange, type TcpExchange } from '../net/tcp.ts'
import { getOrOpen, type Opening } from '../util/concurrency.ts'
import type { EffectKind } from '../util/effect.ts'
import { getMessage, OpsError, unknownError } from '../util/errors.ts'
import { formatDuration } from '../util/format.ts'
import { type Command, display, type Effect, type HostCommand, type Query } from './command.ts'
import { quoteLine } from './quote.ts'
import type { Recorder } from './recorder.ts'
import { byLines, type Redactor } from './redactor.ts'
import type { Host, Remote, StreamEnd } from './remote.ts'
import { removeLeftovers, writeSecretFiles } from './secretFile.ts'
import { type OnOutput, type ProcessResult, startProcess } from './spawn.ts'
import type { Transcript } from './transcript.ts'

/** Runs every effect; nothing else reaches the outside world. */
export type Runner = ReturnType<typeof createRunner>

/** Milliseconds that each part of opening a database connection took; login is TLS and the password. */
export interface ConnectTimes {
  dns: number
  tcp: number
  login: number
}

export interface Database {
  readonly times: ConnectTimes
  query<Row>(query: Query): Promise<Row[]>
  close(): Promise<void>
}

export interface RunnerOptions {
  secrets: Redactor
  transcript: Transcript
  reach: NetworkOptions
  /** Proxy and authorities of az, for requests that use them. */
  azReach?: () => NetworkOptions
  env: NodeJS.ProcessEnv
  /** How a local process starts; default: startProcess. */
  startLocal?: typeof startProcess
  /** Additional variables for individual programs, by program name. */
  envOf?: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Keeps the requests to Azure, with `--record`. */
  recorder?: Recorder | undefined
  /** False in a dry run: every effect that is not a read is refused. */
  mayChange: boolean
  /** Aborted on the second Ctrl-C. */
  signal: AbortSignal
  /** @param leaving aborted when nobody needs the connection any longer */
  openHost: (host: Host, leaving: AbortSignal) => Promise<Remote>
  /** @param name a database on the server; undefined for the configured one */
  openDatabase: (name?: string, as?: Query['as']) => Promise<Database>
}

// biome-ignore lint/complexity/noExcessiveLinesPerFunction: its closures share the state of one run.
export function createRunner(options: RunnerOptions) {
  const { secrets, transcript, signal, startLocal = startProcess } = options
  const count: Record<EffectKind, number> = { read: 0, change: 0, record: 0 }
  removeLeftovers()
  const underWay = new Set<Promise<unknown>>()
  const leaving = new AbortController()
  let azReach: NetworkOptions | undefined
  const written = new Set<string>()
  function reachFor({ as }: HttpRequest): NetworkOptions {
    if (as !== 'az') return options.reach
    azReach ??= options.azReach?.() ?? options.reach
    return azReach
  }
  const databases = new Map<string, Opening<Database>>()
  const database = (name?: string, as?: Query['as']) =>
    getOrOpen(databases, `${as ?? ''}/${name ?? ''}`, () => options.openDatabase(name, as))
  const remotes = new Map<string, Opening<Remote>>()
  // The name only labels lines: two servers may have the same one.
  const remote = (host: Host) =>
    getOrOpen(remotes, `${host.user}@${host.address}:${host.port}`, () =>
      options.openHost(host, leaving.signal),
    )

  async function recorded<T>(
    kind: 'command' | 'request' | 'query' | 'dial' | 'mail',
    effect: Effect,
    perform: () => Promise<T>,
    outcome: (result: T) => Record<string, unknown>,
  ): Promise<T> {
    if (effect.effect !== 'read' && !options.mayChange) {
      throw new Error(`a dry run must not run: ${secrets.clean(display(effect))}`)
    }
    count[effect.effect]++
    const started = performance.now()
    const entry = { kind, effect: effect.effect, line: display(effect) }
    const work = perform()
    underWay.add(work)
    try {
      const result = await work
      const often = 'often' in effect && effect.often
      if (!often || !written.has(entry.line))
        transcript.write({ ...entry, ms: Math.round(performance.now() - started), ...outcome(result) })
      if (often) written.add(entry.line)
      return result
    } catch (thrown) {
      transcript.write({ ...entry, ms: Math.round(performance.now() - started), error: getMessage(thrown) })
      throw thrown
    } finally {
      underWay.delete(work)
    }
  }

  async function attempt(command: Command, onOutput?: OnOutput): Promise<ProcessResult> {
    const output =
      onOutput &&
      byLines((lines, from) => {
        const kept = from === 'stderr' ? (command.cleanStderr?.(lines) ?? lines) : lines
        if (kept !== '') onOutput(secrets.clean(kept), from)
      })
    const { argv, cleanUp, ...input } = writeSecretFiles(command)
    const stdin = input.stdin ?? (typeof command.stdin === 'function' ? command.stdin() : command.stdin)
    const common = {
      ...(stdin === undefined ? {} : { stdin }),
      timeoutMs: command.timeoutMs,
      signal,
      onOutput: output?.hear,
    }
    const watch = argv[0] === 'az' ? options.recorder?.watch(display(command)) : undefined
    try {
      if (command.on !== 'here') {
        const line = command.cwd ? `cd ${quoteLine([command.cwd])} && ${quoteLine(argv)}` : quoteLine(argv)
        return await (await remote(command.on).get()).exec(line, common)
      }
      const inherited = command.inherits ? pickVariables(options.env, command.inherits) : options.env
      const env = { ...inherited, ...options.envOf?.[argv[0] ?? ''], ...command.env, ...watch?.env }
      return await startLocal(argv, { ...common, env, ...(command.cwd ? { cwd: command.cwd } : {}) })
    } finally {
      watch?.end()
      cleanUp()
      output?.end()
    }
  }

  async function runOnce(
    command: Command,
    { onOutput, isPrivate = false, tries = 1 }: { onOutput?: OnOutput; isPrivate?: boolean; tries?: number },
  ): Promise<ProcessResult> {
    const result = await recorded(
      'command',
      command,
      () => attempt(command, onOutput),
      ({ code, stdout, stderr, timedOut }) => ({
        code,
        timedOut,
        stdout: isPrivate ? '***' : tail(secrets.clean(stdout)),
        stderr: tail(secrets.clean(stderr)),
        tries,
      }),
    ).catch((thrown) => {
      throw notStarted(command, thrown)
    })
    return command.cleanStderr ? { ...result, stderr: command.cleanStderr(result.stderr) } : result
  }

  async function run(command: Command, onOutput?: OnOutput, isPrivate = false): Promise<ProcessResult> {
    for (let tries = 1; ; tries++) {
      const result = await runOnce(command, { ...(onOutput ? { onOutput } : {}), isPrivate, tries })
      if (isAccepted(command, result)) return result
      if (signal.aborted) throw failed(command, result)
      const reason = await inquire(command, result)
      const again = command.retry && tries < command.retry.times && command.retry.when.test(outputOf(reason))
      if (!again) throw failed(command, reason)
      await pause(command.retry?.pauseMs ?? 0, undefined, { signal })
    }
  }

  /** Gives a failed command the output of its inquiry when its own output hides the reason. */
  async function inquire({ inquiry }: Command, result: ProcessResult): Promise<ProcessResult> {
    if (!inquiry?.when.test(outputOf(result))) return result
    const answer = await runOnce(inquiry.command, {})
    if (answer.timedOut || isAccepted(inquiry.command, answer)) return result
    return { ...answer, code: result.code }
  }

  /**
   * Yields the output of a reading command on a host, no faster than it is consumed; it may be endless. The transcript gets
   * only its length. It ends with the command, the signal, or the consumer. Throws as `run` does.
   */
  async function* stream(
    command: HostCommand,
    wanted: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const end = Promise.withResolvers<StreamEnd>()
    let bytes = 0
    const written = recorded(
      'command',
      command,
      () => end.promise,
      ({ code, stderr }) => ({ code, bytes, stderr: secrets.clean(stderr) }),
    )
    written.catch(() => {})
    const stdin = typeof command.stdin === 'function' ? command.stdin() : command.stdin
    const options = { ...(stdin === undefined ? {} : { stdin }), signal: AbortSignal.any([wanted, signal]) }
    let output: AsyncGenerator<Uint8Array, StreamEnd> | undefined
    try {
      output = (await remote(command.on).get()).stream(quoteLine(writeSecretFiles(command).argv), options)
      for (let next = await output.next(); ; next = await output.next()) {
        if (next.done) {
          end.resolve(next.value)
          if (wanted.aborted || (command.accept ?? [0]).includes(next.value.code)) return
          throw failed(command, { ...next.value, stdout: '', timedOut: false })
        }
        bytes += next.value.length
        yield next.value
      }
    } catch (thrown) {
      end.reject(thrown)
      throw thrown
    } finally {
      await output?.return({ code: -1, stderr: '' })
      end.resolve({ code: -1, stderr: '' })
      await written.catch(() => {})
    }
  }

  function failed(command: Command, result: ProcessResult): OpsError {
    const program = command.argv
      .slice(0, 3)
      .filter((word) => typeof word === 'string' && !word.startsWith('-'))
    const where = command.on === 'here' ? '' : ` on ${command.on.label}`
    const end = result.timedOut
      ? `did not finish within ${formatDuration(command.timeoutMs)}`
      : `exit ${result.code}`
    const said = lastLines([result.stdout.trim(), result.stderr.trim()].filter(Boolean).join('\n'), 50)
    return new OpsError({
      what: secrets.clean(`${program.join(' ')}${where} failed (${end})`),
      said: secrets.clean(said),
      next: `The command was: ${secrets.clean(display(command))}`,
      ...command.explain?.(outputOf(result)),
    })
  }

  return {
    /** Runs a command to its end. Throws OpsError when its exit code is not an accepted one. */
    run: (command: Command, onOutput?: OnOutput) => run(command, onOutput),
    stream,
    /** Runs a command whose output is a secret, and keeps it out of the transcript. */
    runPrivately: (command: Command) => run(command, undefined, true),
    /** Makes a request; any status is an answer. `wanted` aborts it. Throws the socket's own error without an answer. */
    request: (request: HttpRequest, wanted?: AbortSignal) =>
      recorded(
        'request',
        request,
        () => makeRequest(request, reachFor(request), signal, ...(wanted ? [wanted] : [])),
        (answer) => {
          if (request.as === 'az') options.recorder?.add(request, answer)
          return { status: answer.status, phases: answer.phases }
        },
      ),
    /** Sends one message on a TCP connection and returns the answer. Throws when there is no connection. */
    dial: (value: TcpExchange) =>
      recorded(
        'dial',
        value,
        () => exchange(value, options.reach, signal),
        ({ answer, ms }) => ({ answered: answer !== '', ms }),
      ),
    /** Sends an e-mail. Throws the server's message when it accepts no recipient. */
    mail: (value: Mail) =>
      recorded(
        'mail',
        value,
        () => sendMail(value, options.reach, signal),
        ({ response, refused }) => ({ response, refused }),
      ),
    /** Runs SQL. Throws the server's own error. */
    query: <Row>(query: Query) =>
      recorded(
        'query',
        query,
        async () => (await database(query.database, query.as).get()).query<Row>(query),
        (rows) => ({ rows: rows.length }),
      ),
    /** Opens the connection for queries, unless it is open, and returns how long that took. */
    connect: async (name?: string) => (await database(name).get()).times,
    /** Starts a command on a host that runs until `close()`: the deploy lock. The caller writes the transcript. */
    hold: async (command: HostCommand, beatMs: number) =>
      (await remote(command.on).get()).hold(quoteLine(writeSecretFiles(command).argv), beatMs),
    /** Starts to connect to a host and returns; the first command there waits for the connection and throws its failure. */
    async beginConnecting(host: Host) {
      remote(host).begin()
      // Loading modules blocks this process, so send the first packet first.
      await aTurn()
    },
    secrets,
    transcript,
    /** False in a dry run and in read-only scripts, where nothing is changed or recorded elsewhere. */
    mayChange: options.mayChange,
    /** How many effects of each kind ran. */
    count: count as Readonly<typeof count>,
    /** Closes the connections. Resolves when no process of this run is left. */
    async close() {
      const connections = [...databases.values()]
      if (signal.aborted) for (const each of connections) each.opened().then((open) => open?.close())
      // After the second Ctrl-C, tasks are abandoned; their processes have received a signal and end.
      await Promise.allSettled(underWay)
      for (const each of connections) await (await each.opened())?.close()
      leaving.abort()
      for (const each of remotes.values()) (await each.opened())?.close()
    },
  }
}

const isAccepted = ({ accept = [0] }: Command, { code }: ProcessResult): boolean => accept.includes(code)

const outputOf = ({ stdout, stderr }: ProcessResult): string => `${stderr}\n${stdout}`

function notStarted(command: Command, thrown: unknown): unknown {
  const program = String(command.argv[0])
  if (command.on !== 'here' || (thrown as NodeJS.ErrnoException).code !== 'ENOENT') return thrown
  if (command.cwd && !existsSync(command.cwd))
    return new OpsError({ what: `The folder ${command.cwd}, in which ${program} should run, does not exist` })
  return unknownError(
    `${program} is not installed, or not on the PATH`,
    undefined,
    program === 'az'
      ? 'Install the Azure CLI (Debian: apt-get install azure-cli), then run this command again.'
      : undefined,
  )
}

const pickVariables = (env: NodeJS.ProcessEnv, isWanted: (name: string) => boolean): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => isWanted(name)))

const lastLines = (text: string, lines: number): string => text.split('\n').slice(-lines).join('\n')
const tail = (text: string): string => (text.length > 4000 ? `…${text.slice(-4000)}` : text)
