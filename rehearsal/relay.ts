import { once } from 'node:events'
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** Adds latency and limits bandwidth in front of a server, because not every kernel has netem. */
export interface Relay {
  port: number
  /** Connections since the start. */
  connections(): number
  /** Bytes forwarded to the server since the start. */
  sent(): number
  /** Changes the line for data that arrives from now on. */
  set(line: Partial<Line>): void
  /** Cuts all connections at once; new ones are accepted. */
  cut(): void
  stop(): Promise<void>
}

export interface Line {
  /** Latency in milliseconds, each direction. */
  delayMs: number
  /** Bytes per second, each direction; Infinity = unlimited. */
  rate: number
}

/** Bytes that may be in transit before the sender has to wait. */
const queueLimit = 4e6

/**
 * Forwards TCP connections to `host`:`port` with the latency and bandwidth of the line; each direction keeps its order.
 * @param at the address to listen on; default: a free port of 127.0.0.1
 */
export async function startRelay(
  to: { host: string; port: number },
  initial: Partial<Line> = {},
  at = { host: '127.0.0.1', port: 0 },
): Promise<Relay> {
  const line: Line = { delayMs: 0, rate: Number.POSITIVE_INFINITY, ...initial }
  const sockets = new Set<Socket>()
  let connections = 0
  let sent = 0
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    connections++
    const far = dial({ ...to, noDelay: true, allowHalfOpen: true })
    for (const socket of [client, far]) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    }
    carry(client, far, line, (bytes) => {
      sent += bytes
    })
    carry(far, client, line, () => {})
  })
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  server.listen(at.port, at.host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    sent: () => sent,
    set: (changed) => Object.assign(line, changed),
    cut,
    async stop() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}

/** One direction: a chunk leaves when the line is free (rate) and arrives `delayMs` later. */
function carry(from: Socket, to: Socket, line: Line, count: (bytes: number) => void): void {
  let free = 0
  let queued = 0
  let last = Promise.resolve()
  const later = (at: number, work: () => void) => {
    last = last.then(async () => {
      const rest = at - performance.now()
      if (rest > 0.5) await pause(rest)
      work()
    })
  }
  from.on('data', (chunk: Buffer) => {
    free = Math.max(free, performance.now()) + (chunk.length / line.rate) * 1000
    queued += chunk.length
    if (queued > Math.min(queueLimit, Math.max(line.rate / 4, 64_000))) from.pause()
    later(free + line.delayMs, () => {
      queued -= chunk.length
      count(chunk.length)
      if (!to.destroyed) to.write(chunk)
      if (from.isPaused()) from.resume()
    })
  })
  from.on('end', () => later(free + line.delayMs, () => to.end()))
  from.on('error', () => to.destroy())
  from.on('close', () => later(free + line.delayMs, () => to.destroySoon()))
}
