import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client, ClientChannel } from 'ssh2'
import type { Host, Loss, Remote, StreamEnd } from '../../shell/remote.ts'
import type { ProcessResult } from '../../shell/spawn.ts'
import { createLimiter } from '../../util/concurrency.ts'
import { type OpsError, unknownError } from '../../util/errors.ts'
import { createSessions, maxLines, type Session } from './sessions.ts'

const graceMs = 2_000

/**
 * Runs lines over an open connection; lines beyond sshd's limit wait for their turn.
 * @param onGreeting called once when the login shell prints something before the line that it runs
 */
export function createRemote(
  connection: Client,
  host: Host,
  onGreeting: (text: string) => void = () => {},
): Remote {
  const sessions = createSessions(connection, host)
  const limiter = createLimiter(maxLines)
  let greeted = false
  /** Call it after a session has ended. Throws when its line was not even started. */
  function assertStarted({ stdout, stderr }: Session, code: number): void {
    const greeting = [stdout.before, stderr.before].filter((text) => text.trim() !== '').join('\n')
    if (!stdout.started && code !== -1) throw createShellError(host, code, greeting)
    if (greeting && !greeted) onGreeting(greeting)
    greeted ||= greeting !== ''
  }
  return {
    exec: (line, options) =>
      limiter(async () => {
        options.signal.throwIfAborted()
        const session = await sessions.open(line)
        const result = await runLine(session, options)
        const lost = sessions.getLoss()
        if (result.code === -1 && !result.timedOut && !options.signal.aborted && lost) throw lost
        assertStarted(session, result.code)
        return result
      }),
    async *stream(line, { stdin, signal }) {
      const release = await limiter.take()
      let source: Readable | undefined
      try {
        signal.throwIfAborted()
        const session = await sessions.open(line)
        source = writeInput(session.channel, stdin)
        const end = yield* streamOutput(session, signal)
        const lost = sessions.getLoss()
        if (end.code === -1 && !signal.aborted && lost) throw lost
        if (!signal.aborted) assertStarted(session, end.code)
        return end
      } catch (thrown) {
        throw (!signal.aborted && sessions.getLoss()) || thrown
      } finally {
        source?.destroy()
        release()
      }
    },
    async hold(line, beatMs) {
      const release = await limiter.take()
      const session = await sessions.open(line).catch((error) => {
        release()
        throw error
      })
      const held = await holdOpen(session, sessions.gone)
      const beat = setInterval(() => session.channel.write('\n'), beatMs)
      void held.ended.then(() => {
        clearInterval(beat)
        release()
      })
      return held
    },
    close: () => sessions.close(),
  }
}

const createShellError = (host: Host, code: number, greeting: string): OpsError =>
  unknownError(
    `The login shell of ${host.user} on ${host.address} ended before it ran the command (exit ${code})`,
    greeting.trim() || undefined,
    'Check the shell in /etc/passwd there and what its start files do (bash: ~/.bashrc), then run this command again.',
  )

type ExecOptions = Parameters<Remote['exec']>[1]

/** Asks the program to end, and closes the channel when it does not. */
function terminate(channel: ClientChannel): void {
  channel.signal('TERM')
  setTimeout(() => channel.close(), graceMs).unref()
}

function runLine(session: Session, options: ExecOptions): Promise<ProcessResult> {
  const { channel } = session
  const { stdin, timeoutMs, signal, onOutput } = options
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  let timedOut = false
  const stop = () => terminate(channel)
  const timer = setTimeout(() => {
    timedOut = true
    stop()
  }, timeoutMs)
  signal.addEventListener('abort', stop, { once: true })
  collectOutput(session, stdout, stderr, onOutput)
  const source = writeInput(channel, stdin)
  return new Promise((resolve, reject) => {
    let failure: Error | undefined
    source?.on('error', (error) => {
      // Close without the end-of-file that would make a partial input look complete.
      failure = error
      channel.close()
    })
    // Not 'exit': a quick command sends it in one packet with the opening of the channel, before there is a listener.
    channel.on('close', (code?: number | null) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      source?.destroy()
      if (failure) return reject(failure)
      resolve({
        // A shell that handles the signal may report success.
        code: timedOut || signal.aborted ? -1 : (code ?? -1),
        timedOut,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      })
    })
  })
}

function collectOutput(
  session: Session,
  stdout: Buffer[],
  stderr: Buffer[],
  onOutput: ExecOptions['onOutput'],
): void {
  const streams = [
    [session.channel, session.stdout, stdout, 'stdout'],
    [session.channel.stderr, session.stderr, stderr, 'stderr'],
  ] as const
  for (const [stream, reader, into, name] of streams) {
    stream.on('data', (chunk: Buffer) => {
      const bytes = reader.take(chunk)
      if (bytes.length === 0) return
      into.push(bytes)
      onOutput?.(bytes.toString(), name)
    })
  }
}

/** Writes the input to the channel. Returns a stream, so that the caller can handle its errors. */
function writeInput(channel: ClientChannel, stdin: ExecOptions['stdin']): Readable | undefined {
  // If the program stops reading early, its exit code tells why; the failed write does not matter.
  channel.on('error', () => {})
  if (stdin instanceof Readable) return stdin.pipe(channel) && stdin
  if (stdin === undefined) channel.end()
  else channel.end(typeof stdin === 'string' ? stdin : Buffer.from(stdin))
  return undefined
}

type Held = Awaited<ReturnType<Remote['hold']>> & { ended: Promise<Loss> }

/** Waits for the first line or the end, and keeps the channel open until `close()`. */
async function holdOpen({ channel, stdout }: Session, connectionGone: Promise<void>): Promise<Held> {
  let text = ''
  let code: number | undefined
  let closed = false
  channel.on('error', () => {})
  channel.stderr.on('data', () => {})
  const ended = new Promise<Loss>((resolve) => {
    // null: ended by a signal; undefined: the connection broke before the exit was reported.
    channel.on('close', (exit?: number | null) => {
      code = exit ?? -1
      resolve(exit === undefined ? 'cut' : 'ended')
    })
  })
  const firstLine = await new Promise<string>((resolve) => {
    channel.on('data', (chunk: Buffer) => {
      text += stdout.take(chunk).toString()
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')))
    })
    void ended.then(() => resolve(text.trim()))
  })
  const lost = Promise.race([ended, connectionGone.then((): Loss => 'cut')]).then((how) =>
    closed ? new Promise<never>(() => {}) : how,
  )
  return {
    firstLine,
    get code() {
      return code
    },
    lost,
    ended,
    async close() {
      closed = true
      channel.end()
      await Promise.race([ended, pause(graceMs, undefined, { ref: false })])
      channel.close()
    },
  }
}

/**
 * Passes on the output no faster than it is consumed: ssh's window holds the rest back on the server. The signal ends
 * the program.
 */
async function* streamOutput(
  { channel, ...readers }: Session,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, StreamEnd, undefined> {
  let stderr = ''
  channel.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + readers.stderr.take(chunk).toString()).slice(-4000)
  })
  const closed = new Promise<number>((resolve) => {
    channel.on('close', (code?: number | null) => resolve(code ?? -1))
  })
  const stop = () => terminate(channel)
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const chunk of channel) {
      const bytes = readers.stdout.take(chunk as Buffer)
      if (bytes.length > 0) yield bytes
    }
    return { code: await closed, stderr }
  } finally {
    signal.removeEventListener('abort', stop)
    channel.close()
  }
}
