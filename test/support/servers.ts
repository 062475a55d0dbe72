import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer as createHttp, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { TcpExchange } from '../../lib/net/tcp.ts'
import type { Runner } from '../../lib/shell/runner.ts'
import { expandIpv6 } from '../../lib/vps/dns/records.ts'
import { type Certificate, createCertificate } from './certificate.ts'
import { openRunner, temporaryFolder } from './helpers.ts'

/** Listens on a free loopback port until the test ends. */
export async function listen(server: Server, address = '127.0.0.1'): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  await once(server.listen(0, address), 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** One page or response: [status, body or location]. */
export type Pages = (url: string, host: string, headers: IncomingHttpHeaders) => [number, string]

/** The site of a domain: HTTPS with a certificate for these names, and plain HTTP. */
export async function startSite(
  domain: string,
  https: Pages,
  http: Pages,
  more: { names?: string[]; days?: number; address?: string } = {},
) {
  const folder = temporaryFolder()
  const certificate = createCertificate(folder, more.names ?? [domain, `www.${domain}`], more.days)
  const answer =
    (pages: Pages): RequestListener =>
    (incoming, outgoing) => {
      const [status, text] = pages(incoming.url ?? '', incoming.headers.host ?? '', incoming.headers)
      if (status >= 300 && status < 400) outgoing.writeHead(status, { location: text }).end()
      else outgoing.writeHead(status).end(text)
    }
  const ports = {
    'https:': await listen(createHttps(certificate, answer(https)), more.address),
    'http:': await listen(createHttp(answer(http)), more.address),
  }
  return {
    certificate,
    runner: createPortRunner(certificate, (url) => ports[url.protocol as keyof typeof ports]),
  }
}

/**
 * A real runner that resolves every name to the loopback address and uses unprivileged ports instead of 80, 443 and the
 * like: only the port number in the URL differs.
 */
export function createPortRunner(
  certificate: Certificate | undefined,
  portOf: (url: URL) => number,
  dialPort: (dial: TcpExchange) => number = () => 1,
): Runner {
  const runner = openRunner({
    reach: {
      resolve: async () => [{ address: '127.0.0.1', family: 4 }],
      authorities: certificate ? [certificate.cert] : [],
    },
  })
  return {
    ...runner,
    request(request) {
      const url = new URL(request.url)
      const host = url.host
      url.port = String(portOf(url))
      return runner.request({ ...request, url: url.href, headers: { ...request.headers, host } })
    },
    dial: (dial) => runner.dial({ ...dial, port: dialPort(dial) }),
  }
}

/** A name server that knows only these addresses and answers NXDOMAIN otherwise (RFC 1035, RFC 3596). Returns its address:port. */
export async function startNameServer(records: Record<string, string[]>): Promise<string> {
  const socket = createSocket('udp4')
  socket.on('message', (query, from) => {
    const labels: string[] = []
    let at = 12
    for (let length = query[at]!; length > 0; length = query[at]!) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length))
      at += length + 1
    }
    const question = query.subarray(12, at + 5)
    const type = query.readUInt16BE(at + 1)
    const addresses = (records[labels.join('.').toLowerCase()] ?? []).filter(
      (address) => type === (address.includes(':') ? 28 : 1),
    )
    const header = Buffer.alloc(12)
    query.copy(header, 0, 0, 2)
    header.writeUInt16BE(labels.join('.').toLowerCase() in records ? 0x8180 : 0x8183, 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(addresses.length, 6)
    const answers = addresses.map((address) => {
      const data =
        type === 1 ? Buffer.from(address.split('.').map(Number)) : Buffer.from(expandIpv6(address), 'hex')
      // Name: a pointer to the question; type, class IN, 60 s, length.
      return Buffer.concat([Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, data.length]), data])
    })
    socket.send(Buffer.concat([header, question, ...answers]), from.port, from.address)
  })
  await once(socket.bind(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void socket.close())
  return `127.0.0.1:${socket.address().port}`
}
