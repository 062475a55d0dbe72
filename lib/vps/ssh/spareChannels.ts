import type { ClientChannel } from 'ssh2'

/** Sessions that wait on the VPS for the line they are to run. */
export interface SpareSessions {
  /** One that now runs the line; undefined when none is ready. */
  take(line: string): ClientChannel | undefined
  /** Opens what is missing, without waiting for it. */
  fill(): void
}

/**
 * A session costs two round trips before its program starts (open, exec: RFC 4254 5.1 and 6.5), and a shell there. These
 * are opened while other things go on, so that a line costs one way to the VPS and the answer's way back.
 *
 * @param open opens a session that waits for its line (Frame.waiting); rejects when the server refuses it
 */
export function createSpareSessions(open: () => Promise<ClientChannel>, places: number): SpareSessions {
  const ready: ClientChannel[] = []
  let wanted = places
  let opening = 0
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
          wanted = 0 // a server with few sessions needs them all for what is to be done
        },
      )
    }
  }
  return {
    fill,
    take(line) {
      let channel = ready.shift()
      while (channel && !channel.writable) channel = ready.shift()
      if (!channel) return undefined
      channel.write(formatInput(line))
      fill()
      return channel
    },
  }
}

/** A line that a lost connection cuts short is a syntax error as a whole: nothing of it runs. */
function formatInput(line: string): string {
  const whole = `if :; then\n${line}\nfi`
  return `${Buffer.byteLength(whole)}\n${whole}`
}
