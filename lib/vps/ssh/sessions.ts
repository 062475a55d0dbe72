import { setTimeout as pause } from 'node:timers/promises'
import type { Client, ClientChannel } from 'ssh2'
import type { Host } from '../../shell/remote.ts'
import { type OpsError, unknownError } from '../../util/errors.ts'
import { createFrame, type Reader } from './frame.ts'

/** A session of the connection, with readers for the output of the line that it runs. */
export interface Session {
  channel: ClientChannel
  stdout: Reader
  stderr: Reader
}

/** sshd's default for MaxSessions; it refuses more channels at a time. */
const maxSessions = 10
const spareCount = 2
/** How many sessions may run a line at a time; the others are spare. */
export const maxLines = maxSessions - spareCount

/** Opens the sessions of a connection, and knows whether the connection is lost. */
export function createSessions(connection: Client, host: Host) {
  const frame = createFrame()
  let lost: Error | undefined
  let closing = false
  const gone = new Promise<void>((resolve) => {
    // Without a listener, an error of the connection would end the program.
    connection.on('error', (error) => {
      lost ??= error
    })
    connection.on('close', () => {
      lost ??= new Error('the connection was closed by the other side')
      resolve()
    })
  })
  const createLostError = (): OpsError =>
    unknownError(
      `The connection to ${host.address} was lost`,
      lost?.message,
      'Run this command again: it continues where it stopped.',
    )
  const openOnce = (line: string): Promise<ClientChannel> =>
    new Promise((resolve, reject) => {
      if (lost || closing) return reject(createLostError())
      connection.exec(line, (error, channel) => (error ? reject(error) : resolve(channel)))
    })
  const spares = createSpareSessions(() => openOnce(frame.readingLine), spareCount)

  /** Retries a refused session, because sshd frees one a moment after it has closed the channel. */
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
        if (!refused || tries === 40)
          throw lost ? createLostError() : createSessionError(host, error as Error)
        await pause(25 * Math.min(tries, 10))
      }
    }
  }

  return {
    gone,
    getLoss: (): OpsError | undefined => lost && createLostError(),
    async open(line: string): Promise<Session> {
      const channel = await openChannel(line)
      return { channel, stdout: frame.reader(), stderr: frame.reader('stderr') }
    },
    close() {
      closing = true
      connection.end()
    },
  }
}

const createSessionError = (host: Host, error: Error): OpsError =>
  unknownError(
    `${host.address} refuses another session on the connection`,
    error.message,
    'Check MaxSessions in its sshd_config (10 is the default), then run this command again.',
  )

/**
 * Keeps sessions ready that wait for a line. A session costs two round trips (open, exec: RFC 4254 5.1 and 6.5) and the
 * start of a shell; a spare one is opened in advance, so that its line costs one round trip.
 * @param open opens a session that waits for its line (readingLine in frame.ts); rejects when the server refuses it
 */
export function createSpareSessions(open: () => Promise<ClientChannel>, places: number) {
  const ready: ClientChannel[] = []
  let wanted = places
  let opening = 0
  /** Opens what is missing, without waiting for it. */
  const fill = () => {
    for (; ready.length + opening < wanted; opening++) {
      open().then(
        (channel) => {
          opening--
          channel.on('error', () => {})
          ready.push(channel)
        },
        () => {
          opening--
          wanted = 0 // A server with few sessions needs them all for lines.
        },
      )
    }
  }
  return {
    fill,
    /** Returns a session that now runs the line; undefined when none is ready. */
    take(line: string): ClientChannel | undefined {
      let channel = ready.shift()
      while (channel && !channel.writable) channel = ready.shift()
      if (!channel) return undefined
      channel.write(formatInput(line))
      fill()
      return channel
    },
  }
}

/** Wraps a line so that it is a syntax error, and does not run, when a lost connection cuts it short. */
function formatInput(line: string): string {
  const whole = `if :; then\n${line}\nfi`
  return `${Buffer.byteLength(whole)}\n${whole}`
}
