import type { LookupAddress } from 'node:dns'
import type { IncomingHttpHeaders } from 'node:http'
import type { PeerCertificate } from 'node:tls'
import type { Request } from './command.ts'
import { trustOf } from './trust.ts'

/** Milliseconds from the start of the request to the end of each phase; absent phases did not happen. */
export interface Phases {
  dns?: number
  connect?: number
  tls?: number
  firstByte?: number
  total: number
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
  phases: Phases
  /** The certificate the server showed, for https. */
  readonly certificate?: PeerCertificate | undefined
}

/** How this machine reaches names and whom it trusts; from the configuration. */
export interface Reach {
  /** All addresses of a name (A and AAAA). */
  resolve(host: string): Promise<LookupAddress[]>
  /** PEM certificates trusted besides Node's own. */
  authorities: readonly string[]
  /** An environment whose HTTPS_PROXY, HTTP_PROXY and NO_PROXY say what goes through a proxy. */
  proxies?: NodeJS.ProcessEnv
}

/** Makes one HTTP request on a connection of its own. Redirects are answers. Rejects when there is no answer. */
export async function makeRequest(request: Request, reach: Reach, signal: AbortSignal): Promise<Answer> {
  const url = new URL(request.url)
  const secured = url.protocol === 'https:'
  // An import of node:http would load all that it exports, WebSocket among it: that takes as long as Node itself to start.
  const client = process.getBuiltinModule(secured ? 'node:https' : 'node:http')
  const secureContext = secured ? await trustOf(reach) : undefined
  const started = performance.now()
  const phases: Phases = { total: 0 }
  const since = () => Math.round((performance.now() - started) * 10) / 10
  return new Promise((resolve, reject) => {
    const outgoing = client.request(
      url,
      {
        method: request.method,
        headers: { 'user-agent': 'codex-dominion-ops', ...request.headers },
        agent: reach.proxies ? new client.Agent({ proxyEnv: reach.proxies }) : false,
        signal: AbortSignal.any([signal, AbortSignal.timeout(request.timeoutMs)]),
        ...(secureContext ? { secureContext } : {}),
        lookup: (host, options, done) => {
          const found = request.address
            ? Promise.resolve([{ address: request.address, family: request.address.includes(':') ? 6 : 4 }])
            : reach.resolve(host)
          found.then(
            (addresses) => {
              // Here, because the socket's own event may come before anybody listens for it.
              if (!request.address) phases.dns = since()
              const first = addresses[0]
              if (!first)
                return done(Object.assign(new Error(`${host} has no address`), { code: 'ENOTFOUND' }), '')
              if (options.all) done(null, addresses)
              else done(null, first.address, first.family)
            },
            (error: NodeJS.ErrnoException) => done(error, ''),
          )
        },
      },
      (incoming) => {
        phases.firstByte = since()
        const socket = incoming.socket as import('node:tls').TLSSocket
        const certificate = socket.getPeerX509Certificate?.()
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('error', reject)
        incoming.on('end', () => {
          phases.total = since()
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: Buffer.concat(chunks).toString(),
            phases,
            // Few who ask look at it, and reading it out takes longer than the rest of an answer.
            get certificate() {
              return certificate?.toLegacyObject() as PeerCertificate | undefined
            },
          })
        })
      },
    )
    outgoing.on('socket', (socket) => {
      socket.on('connect', () => {
        phases.connect = since()
      })
      socket.on('secureConnect', () => {
        phases.tls = since()
      })
    })
    outgoing.on('error', reject)
    outgoing.end(request.body)
  })
}
