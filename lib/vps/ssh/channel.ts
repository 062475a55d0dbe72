import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client, ClientChannel } from 'ssh2'
import type { Host, Loss, Remote, StreamEnd } from '../../shell/remote.ts'
import type { ProcessResult } from '../../shell/spawn.ts'
import { createLimiter } from '../../util/concurrency.ts'
import { type OpsError, unknownError } from '../../util/errors.ts'
import { createFrame, type Reader } from './frame.ts'
import { createSpareSessions } from './spareChannels.ts'

/** sshd's MaxSessions; more channels at once are refused. */
const sessions = 10
/** Of these, so many wait for a line of their own. */
const spare = 2
const graceMs = 2_000

const createSessionError = (host: Host, error: Error): OpsError =>
  unknownError(
    `${host.address} opens no further session on the connection`,
    error.message,
    'Check MaxSessions in its sshd_config (10 is the default), then run this command again.',
  )

const createShellError = (host: Host, code: number, words: string): OpsError =>
  unknownError(
    `The login shell of ${host.user} on ${host.address} ended before it ran the command (exit ${code})`,
    words.trim() || undefined,
    'Check the shell in /etc/passwd there and what its start files do (bash: ~/.bashrc), then run this command again.',
  )

/** A session of the connection, and what of its output belongs to the line that it runs. */
interface Session {
  channel: ClientChannel
  stdout: Reader
  stderr: Reader
}

/**
 * Runs lines over an open connection; lines beyond sshd's limit wait for their turn.
 *
 * @param onGreeting is called once when the login shell prints something before the line that it runs
 */
export function createRemote(
  connection: Client,
  host: Host,
  onGreeting: (text: string) => void = () => {},
): Remote {
  const frame = createFrame()
  let greeted = false
  /** After a session has ended. Throws when its line was not even started. */
  function assertStarted({ stdout, stderr }: Session, code: number): void {
    const words = [stdout.before, stderr.before].filter((text) => text.trim() !== '').join('\n')
    if (!stdout.started && code !== -1) throw createShellError(host, code, words)
    if (words && !greeted) onGreeting(words)
    greeted ||= words !== ''
  }
  const limiter = createLimiter(sessions - spare)
  let lost: Error | undefined
  let closing = false
  const gone = new Promise<void>((resolve) => {
    // Without a listener an error of the connection would end the whole program.
    connection.on('error', (error) => {
      lost ??= error
    })
    connection.on('close', () => {
      lost ??= new Error('the connection was closed by the other side')
      resolve()
    })
  })
  const lostError = (): OpsError =>
    unknownError(
      `The connection to ${host.address} was lost`,
      lost?.message,
      'Run this command again: it continues where it stopped.',
    )

  const openOnce = (line: string): Promise<ClientChannel> =>
    new Promise((resolve, reject) => {
      if (lost || closing) return reject(lostError())
      connection.exec(line, (error, channel) => (error ? reject(error) : resolve(channel)))
    })

  const spares = createSpareSessions(() => openOnce(frame.readingLine), spare)

  /** sshd frees a session a moment after it has closed the channel, so a refused one is asked for again. */
  async function open(line: string): Promise<Session> {
    const channel = await openChannel(line)
    return { channel, stdout: frame.reader(), stderr: frame.reader('stderr') }
  }

  async function openChannel(line: string): Promise<ClientChannel> {
    for (let tries = 1; ; tries++) {
      const ready = lost || closing ? undefined : spares.take(line)
      if (ready) return ready
      try {
        const opening = openOnce(frame.wrap(line))
        spares.fill()
        return await opening
      } catch (error) {
        const refused = 'reason' in (error as object)
        if (!refused || tries === 40) throw lost ? lostError() : createSessionError(host, error as Error)
        await pause(25 * Math.min(tries, 10))
      }
    }
  }

  return {
    exec: (line, options) =>
      limiter(async () => {
        options.signal.throwIfAborted()
        const session = await open(line)
        const result = await runLine(session, options)
        if (result.code === -1 && !result.timedOut && !options.signal.aborted && lost) throw lostError()
        assertStarted(session, result.code)
        return result
      }),
    async *stream(line, { stdin, signal }) {
      const release = await limiter.take()
      let source: Readable | undefined
      try {
        signal.throwIfAborted()
        const session = await open(line)
        source = writeInput(session.channel, stdin)
        const end = yield* streamOutput(session.channel, session, signal)
        if (end.code === -1 && !signal.aborted && lost) throw lostError()
        if (!signal.aborted) assertStarted(session, end.code)
        return end
      } catch (thrown) {
        throw lost && !signal.aborted ? lostError() : thrown
      } finally {
        source?.destroy()
        release()
      }
    },
    async hold(line, beatMs) {
      const release = await limiter.take()
      const session = await open(line).catch((error) => {
        release()
        throw error
      })
      const held = await holdOpen(session, gone)
      const beat = setInterval(() => session.channel.write('\n'), beatMs)
      void held.ended.then(() => {
        clearInterval(beat)
        release()
      })
      return held
    },
    close() {
      closing = true
      connection.end()
    },
  }
}

type ExecOptions = Parameters<Remote['exec']>[1]

/** Feeds a channel and listens to it until it closes. */
function runLine(session: Session, options: ExecOptions): Promise<ProcessResult> {
  const { channel } = session
  const { stdin, timeoutMs, signal, onOutput } = options
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  let timedOut = false
  const stop = () => {
    channel.signal('TERM')
    setTimeout(() => channel.close(), graceMs).unref()
  }
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
      // Half an input must not look like the whole: close without the end-of-file that would start the work.
      failure = error
      channel.close()
    })
    // Not 'exit': a quick command's comes in one packet with the channel's opening, before anybody can listen.
    channel.on('close', (code?: number | null) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      source?.destroy()
      if (failure) return reject(failure)
      resolve({
        // A shell that catches the signal may still report success.
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
  onOutput: ((chunk: string, from: 'stdout' | 'stderr') => void) | undefined,
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

/** Gives the channel its input; a stream is returned so that it can be watched. */
function writeInput(channel: ClientChannel, stdin: ExecOptions['stdin']): Readable | undefined {
  // The far end may stop reading early (its exit code says why); writing on is no error of its own.
  channel.on('error', () => {})
  if (stdin instanceof Readable) return stdin.pipe(channel) && stdin
  if (stdin === undefined) channel.end()
  else channel.end(typeof stdin === 'string' ? stdin : Buffer.from(stdin))
  return undefined
}

type Held = Awaited<ReturnType<Remote['hold']>> & { ended: Promise<Loss> }

/** Waits for the first line (or the end) and then keeps the channel open until `close()`. */
async function holdOpen({ channel, stdout }: Session, connectionGone: Promise<void>): Promise<Held> {
  let text = ''
  let code: number | undefined
  let closed = false
  channel.on('error', () => {})
  channel.stderr.on('data', () => {})
  const ended = new Promise<Loss>((resolve) => {
    // null: ended by a signal; undefined: the connection broke before the other side could say how it ended.
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
 * Hands on a channel's output no faster than it is taken: what is not taken stays with the server, by ssh's own window.
 * The signal asks the program to end, and closes the channel when it does not.
 */
export async function* streamOutput(
  channel: ClientChannel,
  readers: { stdout: Reader; stderr: Reader },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, StreamEnd, undefined> {
  let stderr = ''
  channel.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + readers.stderr.take(chunk).toString()).slice(-4000)
  })
  const closed = new Promise<number>((resolve) => {
    channel.on('close', (code?: number | null) => resolve(code ?? -1))
  })
  const stop = () => {
    channel.signal('TERM')
    setTimeout(() => channel.close(), graceMs).unref()
  }
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
