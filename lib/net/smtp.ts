import type { Socket } from 'node:net'
import { formatDuration } from '../util/format.ts'
import { type NetworkOptions, secureContextFor } from './http.ts'

/** A mail server. `tls` encrypts from the first byte (port 465), `starttls` after STARTTLS, `none` not at all. */
export interface MailServer {
  readonly host: string
  readonly port: number
  readonly encryption: 'tls' | 'starttls' | 'none'
  readonly login?: { readonly user: string; readonly password: string }
}

/** An e-mail that this tool sends itself. */
export interface Mail {
  readonly server: MailServer
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
  readonly text: string
  /** `<local@domain>`; RFC 5322, 3.6.4. */
  readonly messageId: string
  readonly inReplyTo?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Time limit for everything together: name resolution, connection, TLS, login and message. */
  readonly timeoutMs: number
  readonly effect: 'record'
}

export interface Mailed {
  response: string
  /** Recipients that the server refused although it accepted others. */
  refused: string[]
}

/** Sends one e-mail. Rejects with the message of the server or the socket when no recipient is accepted. */
export async function sendMail(mail: Mail, reach: NetworkOptions, signal: AbortSignal): Promise<Mailed> {
  const { server } = mail
  const [{ createTransport }, secureContext] = await Promise.all([
    import('nodemailer'),
    server.encryption === 'none' ? undefined : secureContextFor(reach),
  ])
  const late = AbortSignal.timeout(mail.timeoutMs)
  const stop = AbortSignal.any([signal, late])
  let socket: Socket | undefined
  const transport = createTransport({
    host: server.host,
    port: server.port,
    secure: server.encryption === 'tls',
    requireTLS: server.encryption === 'starttls',
    ignoreTLS: server.encryption === 'none',
    ...(server.login ? { auth: { user: server.login.user, pass: server.login.password } } : {}),
    ...(secureContext ? { tls: { secureContext } } : {}),
    disableFileAccess: true,
    disableUrlAccess: true,
    // A server that does not close the connection must not delay a finished run.
    socketCloseTimeout: 500,
    getSocket: (_options, done) => {
      connect(server, reach, stop).then(
        (open) => {
          socket = open
          done(null, { connection: open })
        },
        (error: Error) => done(error),
      )
    },
  })
  try {
    const { response, rejected } = await transport.sendMail({
      from: mail.from,
      to: [...mail.to],
      subject: mail.subject,
      text: mail.text,
      messageId: mail.messageId,
      ...(mail.inReplyTo ? { inReplyTo: mail.inReplyTo, references: mail.inReplyTo } : {}),
      headers: { ...mail.headers },
      signal: stop,
    })
    return { response, refused: rejected.map(String) }
  } catch (thrown) {
    socket?.destroy()
    if (!late.aborted) throw thrown
    throw new Error(`${server.host}:${server.port} did not answer within ${formatDuration(mail.timeoutMs)}`)
  }
}

/** Opens a connection to the mail server; the configuration decides how its name is resolved. */
async function connect(server: MailServer, reach: NetworkOptions, stop: AbortSignal): Promise<Socket> {
  const [net, [address]] = await Promise.all([import('node:net'), reach.resolve(server.host)])
  if (!address) throw new Error(`${server.host} has no address`)
  stop.throwIfAborted()
  const socket = net.connect({ host: address.address, port: server.port })
  const cut = () => void socket.destroy()
  stop.addEventListener('abort', cut, { once: true })
  socket.once('close', () => stop.removeEventListener('abort', cut))
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}
