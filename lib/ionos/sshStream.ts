import type { ClientChannel } from 'ssh2'
import type { StreamEnd } from '../command/remote.ts'
import type { Reader } from './sshFrame.ts'

const graceMs = 2_000

/**
 * Hands on a channel's output no faster than it is taken: what is not taken stays with the server, by ssh's own window.
 * The signal asks the program to end, and closes the channel when it does not.
 */
export async function* streamOf(
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
