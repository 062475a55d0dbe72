import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { Authority } from '../authority.ts'
import { errorReply, refuse } from './errors.ts'
import { type Call, type Handler, readCall, sendReply } from './http.ts'
import type { SeenRequest, World } from './world.ts'

/** Maps hosts to handlers; a pattern may start with `*.`. */
export type Hosts = Record<string, Handler>

export interface Gateway {
  /** The CONNECT proxy on loopback, for `HTTPS_PROXY`. */
  proxyUrl: string
  stop(): Promise<void>
}

export function handlerFor(hosts: Hosts, host: string): Handler | undefined {
  const wildcard = `*.${host.split('.').slice(1).join('.')}`
  return hosts[host] ?? hosts[wildcard]
}

/** One certificate per host name, issued on first use. */
function certificates(authority: Authority, hosts: Hosts) {
  const made = new Map<string, Promise<SecureContext>>()
  return (host: string): Promise<SecureContext> => {
    if (!handlerFor(hosts, host))
      return Promise.reject(new Error(`The rehearsal's Azure has no host ${host}.`))
    const known =
      made.get(host) ??
      authority.issue([host]).then(({ key, certificate }) => createSecureContext({ key, cert: certificate }))
    made.set(host, known)
    return known
  }
}

async function answer(
  world: Pick<World, 'requests'>,
  hosts: Hosts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = 'GET', url = '' } = request
  const host = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
  const seen: SeenRequest = {
    at: new Date().toISOString(),
    method,
    host,
    path: url.split('?')[0]!,
    status: 0,
  }
  world.requests.push(seen)
  if (world.requests.length > 20_000) world.requests.splice(0, 10_000)
  const handler = handlerFor(hosts, host)
  const ask = (call: Call) => {
    if (handler) return handler(call)
    throw refuse('unknownHost', { host })
  }
  const reply = await readCall(request).then(ask).catch(errorReply)
  seen.status = reply.status
  sendReply(response, method, reply)
}

async function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  server.listen(port, host)
  await once(server, 'listening')
  return server.address() as AddressInfo
}

/** The parts of the emulated cloud that the gateway needs. */
type GatewayWorld = Pick<World, 'requests' | 'authority'> & { network: Pick<World['network'], 'host'> }

/**
 * Opens both ways to the emulated hosts: a CONNECT proxy on loopback that ends TLS itself, and TLS on the port (443) of
 * the rehearsal's network for clients that resolve the names. Other hosts are refused with 403.
 */
export async function openGateway(world: GatewayWorld, hosts: Hosts, securePort = 443): Promise<Gateway> {
  const contextOf = certificates(world.authority, hosts)
  const secure = createSecureServer(
    {
      SNICallback(host, done) {
        contextOf(host.toLowerCase()).then(
          (context) => done(null, context),
          (error) => done(error),
        )
      },
      keepAlive: true,
    },
    (request, response) => void answer(world, hosts, request, response),
  )
  secure.keepAliveTimeout = 60_000
  const sockets = new Set<Socket>()
  const remember = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => sockets.delete(socket))
  }
  secure.on('connection', remember)
  // A client that does not trust the authority disconnects here and reports that itself.
  secure.on('tlsClientError', (_error, socket) => socket.destroy())
  const proxy = createServer((_request, response) => {
    response.writeHead(403, { 'Content-Type': 'text/plain' })
    response.end("The rehearsal's proxy supports only CONNECT.\n")
  })
  proxy.on('connection', remember)
  proxy.on('connect', (request, socket: Socket) => {
    const [host = '', port] = (request.url ?? '').toLowerCase().split(':')
    if (port !== '443' || !handlerFor(hosts, host)) {
      world.requests.push({ at: new Date().toISOString(), method: 'CONNECT', host, path: '', status: 403 })
      socket.end(`HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
      return
    }
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    secure.emit('connection', socket)
  })
  await listen(secure as unknown as Server, securePort, world.network.host)
  const { port } = await listen(proxy, 0, '127.0.0.1')
  return {
    proxyUrl: `http://127.0.0.1:${port}`,
    async stop() {
      for (const socket of sockets) socket.destroy()
      await Promise.all([secure, proxy].map((server) => new Promise((resolve) => server.close(resolve))))
    },
  }
}
