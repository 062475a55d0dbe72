import type { PeerCertificate } from 'node:tls'
import { formatDuration } from '../util/format.ts'
import { type NetworkOptions, secureContextFor } from './http.ts'

/** One message and its answer over a plain connection, for protocols other than HTTP (Redis, PostgreSQL). */
export interface TcpExchange {
  readonly host: string
  readonly port: number
  readonly tls: boolean
  readonly say?: string | Uint8Array
  /** Whether the answer (latin1) is complete; may throw to reject. Default: the first bytes are the answer. */
  readonly whole?: (answer: string) => boolean
  readonly timeoutMs: number
  readonly effect: 'read'
}

export interface TcpReply {
  /**
   * The first bytes of the answer, or all of it, as latin1 text; '' when the other side closed the connection
   * without answering.
   */
  answer: string
  certificate?: PeerCertificate
  ms: number
}

/**
 * Sends the message and waits for the answer. Rejects when connection or TLS fails, or with the error that `whole`
 * throws.
 */
export async function exchange(
  value: TcpExchange,
  reach: NetworkOptions,
  signal: AbortSignal,
): Promise<TcpReply> {
  const started = performance.now()
  const [net, tls, secureContext, [address]] = await Promise.all([
    import('node:net'),
    import('node:tls'),
    value.tls ? secureContextFor(reach) : undefined,
    reach.resolve(value.host),
  ])
  // A signal that is already aborted does not notify listeners added later.
  signal.throwIfAborted()
  const options = { host: address?.address ?? value.host, port: value.port }
  const secured =
    secureContext &&
    tls.connect({
      ...options,
      secureContext,
      // SNI accepts only a name (RFC 6066, 3); the certificate is checked against the address anyway.
      ...(net.isIP(value.host) ? {} : { servername: value.host }),
      checkServerIdentity: (_, certificate) => tls.checkServerIdentity(value.host, certificate),
    })
  const socket = secured ?? net.connect(options)
  const stop = AbortSignal.any([signal, AbortSignal.timeout(value.timeoutMs)])
  try {
    return await new Promise<TcpReply>((resolve, reject) => {
      const end = (answer: string) => {
        const certificate = secured?.getPeerCertificate()
        resolve({
          answer,
          ms: Math.round(performance.now() - started),
          ...(certificate?.raw ? { certificate } : {}),
        })
      }
      stop.addEventListener(
        'abort',
        () =>
          reject(
            new Error(`${value.host}:${value.port} did not answer within ${formatDuration(value.timeoutMs)}`),
          ),
        { once: true },
      )
      socket.once(value.tls ? 'secureConnect' : 'connect', () =>
        value.say === undefined ? end('') : socket.write(value.say),
      )
      let answer = ''
      socket.on('data', (bytes: Buffer) => {
        answer += bytes.toString('latin1')
        try {
          if (value.whole?.(answer) ?? true) end(answer)
        } catch (thrown) {
          reject(thrown)
        }
      })
      socket.once('end', () => end(answer))
      socket.on('error', reject)
    })
  } finally {
    socket.destroy()
  }
}
