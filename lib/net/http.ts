import type { LookupAddress } from 'node:dns'
import type { Agent, IncomingHttpHeaders } from 'node:http'
import type { PeerCertificate, SecureContext } from 'node:tls'
import type { EffectKind } from '../util/effect.ts'
import { formatDuration } from '../util/format.ts'

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly effect: EffectKind
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs: number
  /** The maximum number of bytes to read of the body; the response is cut off there. Default: all of it. */
  readonly mostBytes?: number
  /** Repeated often: the transcript records only its first answer and its failures. */
  readonly often?: boolean
  /** Uses the route of this program: its proxy and its trusted authorities. */
  readonly as?: 'az'
  /** May reuse a connection that an earlier request left open: for many requests to few servers. */
  readonly shared?: true
  /** Connects to this address instead of the one that the name resolves to (SNI and Host still carry the name). */
  readonly address?: string
}

/** Milliseconds from the start of the request to the end of each phase. A phase that did not take place is missing. */
export interface Phases {
  dns?: number
  connect?: number
  tls?: number
  firstByte?: number
  total: number
}

export interface HttpResponse {
  status: number
  headers: IncomingHttpHeaders
  body: string
  phases: Phases
  /** The certificate that the server presented, for https. */
  readonly certificate?: PeerCertificate | undefined
}

/** How this machine resolves names and which authorities it trusts, from the configuration. */
export interface NetworkOptions {
  /** All addresses of a name (A and AAAA). */
  resolve(host: string): Promise<LookupAddress[]>
  /** PEM certificates to trust in addition to Node's own. */
  authorities: readonly string[]
  /** An environment whose HTTPS_PROXY, HTTP_PROXY and NO_PROXY define the proxy. */
  proxies?: NodeJS.ProcessEnv
}

/** Whether the other side accepted the connection of a request that got no answer. */
export const wasAccepted = (thrown: unknown): boolean =>
  thrown instanceof Error && (thrown as { accepted?: true }).accepted === true

/**
 * Makes one HTTP request, on a new connection unless it is `shared`. Redirects are answers. Rejects when there is no answer:
 * with the socket's own error, a TimeoutError after the request's time-out, or an AbortError when a signal is aborted;
 * `wasAccepted` says whether there was a connection.
 */
export async function makeRequest(
  request: HttpRequest,
  reach: NetworkOptions,
  ...signals: readonly AbortSignal[]
): Promise<HttpResponse> {
  const url = new URL(request.url)
  const secured = url.protocol === 'https:'
  // A static import of node:http would load everything that it exports, including WebSocket. That takes as
  // long as starting Node itself.
  const client = process.getBuiltinModule(secured ? 'node:https' : 'node:http')
  const secureContext = secured ? await secureContextFor(reach) : undefined
  const started = performance.now()
  const phases: Phases = { total: 0 }
  const since = () => Math.round((performance.now() - started) * 10) / 10
  let settled = () => {}
  const directAgent = request.shared ? sharedAgent(reach, secured) : false
  const answer = new Promise<HttpResponse>((resolve, rejectWith) => {
    const reject = (error: Error) =>
      rejectWith(phases.connect === undefined ? error : Object.assign(error, { accepted: true }))
    const outgoing = client.request(
      url,
      {
        method: request.method,
        headers: { 'user-agent': 'codex-dominion-ops', ...request.headers },
        agent: reach.proxies ? new client.Agent({ proxyEnv: reach.proxies }) : directAgent,
        ...(secureContext ? { secureContext } : {}),
        lookup: (host, options, done) => {
          const found = request.address
            ? Promise.resolve([{ address: request.address, family: request.address.includes(':') ? 6 : 4 }])
            : reach.resolve(host)
          found.then(
            (addresses) => {
              // Recorded here because the socket's own event may fire before the listener is added.
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
        const most = request.mostBytes ?? Number.POSITIVE_INFINITY
        const chunks: Buffer[] = []
        let kept = 0
        const answered = () => {
          phases.total = since()
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: Buffer.concat(chunks).subarray(0, most).toString(),
            phases,
            // Read only on request: few callers need it, and it takes longer than the rest of the answer.
            get certificate() {
              return certificate?.toLegacyObject() as PeerCertificate | undefined
            },
          })
        }
        incoming.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          kept += chunk.length
          if (kept < most) return
          answered()
          incoming.destroy()
        })
        incoming.on('error', reject)
        incoming.on('end', answered)
      },
    )
    outgoing.on('socket', (socket) => {
      if (outgoing.reusedSocket) return
      socket.once('connect', () => {
        phases.connect = since()
      })
      socket.once('secureConnect', () => {
        phases.tls = since()
      })
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      // The other side closed the idle connection just as it was being reused.
      const closed = outgoing.reusedSocket && /^(ECONNRESET|EPIPE)$/.test(error.code ?? '')
      if (!closed) return reject(error)
      const { shared: _, ...alone } = request
      makeRequest(alone, reach, ...signals).then(resolve, reject)
    })
    const end = (name: string, message: string, code: string) => {
      const error = Object.assign(new Error(message), { name, code })
      reject(error)
      outgoing.destroy(error)
    }
    // AbortSignal.any and AbortSignal.timeout would add a sixth to the time of a request.
    const late = () =>
      end('TimeoutError', `no answer within ${formatDuration(request.timeoutMs)}`, 'ETIMEDOUT')
    const timer = setTimeout(late, request.timeoutMs)
    const stop = () => end('AbortError', 'The operation was aborted', 'ABORT_ERR')
    for (const signal of signals) signal.addEventListener('abort', stop, { once: true })
    settled = () => {
      clearTimeout(timer)
      for (const signal of signals) signal.removeEventListener('abort', stop)
    }
    if (signals.some(({ aborted }) => aborted)) stop()
    else outgoing.end(request.body)
  })
  return answer.finally(settled)
}

const agents = new WeakMap<NetworkOptions, Map<boolean, Agent>>()

/** Keeps connections open for the next shared request. An idle connection does not keep the process alive. */
function sharedAgent(reach: NetworkOptions, secured: boolean): Agent {
  const known = agents.get(reach) ?? new Map<boolean, Agent>()
  agents.set(reach, known)
  const client = process.getBuiltinModule(secured ? 'node:https' : 'node:http')
  const agent = known.get(secured) ?? new client.Agent({ keepAlive: true })
  known.set(secured, agent)
  return agent
}

const contexts = new WeakMap<NetworkOptions, Promise<SecureContext>>()

/**
 * Trusts Node's authorities and CA_FILE's; created once per run, because parsing them is slow (docs/measurements.md).
 */
export function secureContextFor(reach: NetworkOptions): Promise<SecureContext> {
  const known = contexts.get(reach) ?? createContext(reach.authorities)
  contexts.set(reach, known)
  return known
}

async function createContext(authorities: readonly string[]): Promise<SecureContext> {
  const tls = await import('node:tls')
  return tls.createSecureContext(
    authorities.length > 0 ? { ca: [...tls.rootCertificates, ...authorities] } : {},
  )
}
