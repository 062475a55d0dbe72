import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, connect, createServer as createTcp, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createServer as createTls } from 'node:tls'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import type { HttpRequest } from '../../../lib/net/http.ts'
import { createCertificate } from '../../support/certificate.ts'
import { openRunner, readTranscript } from '../../support/helpers.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'dominion-unit-'))
const certificate = createCertificate(folder, ['site.test', 'www.site.test'])
afterAll(() => rmSync(folder, { recursive: true }))

const trusting = (address = '127.0.0.1') => ({
  reach: { resolve: async () => [{ address, family: 4 }], authorities: [certificate.cert] },
})

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket.on('close', () => sockets.delete(socket))))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const get = (url: string, rest: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'GET',
  url,
  effect: 'read',
  timeoutMs: 5000,
  ...rest,
})

test('a request: method, headers, body, and an answer with its phases', async () => {
  const answer: RequestListener = (incoming, outgoing) => {
    let body = ''
    incoming.on('data', (chunk) => {
      body += chunk
    })
    incoming.on('end', () => {
      outgoing.writeHead(202, { 'x-seen': `${incoming.method} ${incoming.url} ${incoming.headers.host}` })
      outgoing.end(`${incoming.headers['content-type']} ${body}`)
    })
  }
  const port = await listen(createHttp(answer))
  const runner = openRunner()
  const result = await runner.request({
    ...get(`http://api.test:${port}/run?a=1`),
    ...{ method: 'POST', body: '{"ü":1}', headers: { 'content-type': 'application/json' } },
  })
  expect(result).toMatchObject({ status: 202, body: 'application/json {"ü":1}' })
  expect(result.headers['x-seen']).toBe(`POST /run?a=1 api.test:${port}`)
  expect(result.phases.total).toBeGreaterThanOrEqual(result.phases.firstByte!)
  expect(result.phases.firstByte).toBeGreaterThanOrEqual(result.phases.connect!)
  expect(readTranscript(runner)[0]).toMatchObject({ kind: 'request', effect: 'read', status: 202 })
})

test('a redirect is an answer, and so is an error', async () => {
  const port = await listen(
    createHttp((incoming, outgoing) =>
      outgoing.writeHead(incoming.url === '/' ? 301 : 503, { location: '/there' }).end(),
    ),
  )
  const runner = openRunner()
  expect(await runner.request(get(`http://a.test:${port}/`))).toMatchObject({ status: 301 })
  expect(await runner.request(get(`http://a.test:${port}/there`))).toMatchObject({ status: 503 })
})

test('https returns its certificate and is trusted only when authority and name match', async () => {
  const port = await listen(createHttps(certificate, (_, outgoing) => outgoing.end('well')))
  const seen = await openRunner(trusting()).request(get(`https://site.test:${port}/`))
  expect(seen.certificate?.subjectaltname).toBe('DNS:site.test, DNS:www.site.test')
  expect(seen.phases.tls).toBeGreaterThan(0)
  await expect(openRunner(trusting()).request(get(`https://other.test:${port}/`))).rejects.toThrow(/altnames/)
  await expect(openRunner().request(get(`https://site.test:${port}/`))).rejects.toThrow(/self.signed/)
})

test('connects to a given address with the original name in SNI and Host', async () => {
  const port = await listen(
    createHttps(certificate, (incoming, outgoing) => outgoing.end(incoming.headers.host)),
  )
  const asked = get(`https://site.test:${port}/`, { address: '127.0.0.1' })
  const { body } = await openRunner(trusting('192.0.2.1')).request(asked)
  expect(body).toBe(`site.test:${port}`)
})

test('no answer: refused, silent, cut off, and a name without an address', async () => {
  const silent = await listen(createTcp())
  const cut = await listen(
    createHttp((_, outgoing) => {
      outgoing.writeHead(200, { 'content-length': '100' })
      outgoing.write('half')
      setTimeout(() => outgoing.destroy(), 20)
    }),
  )
  const closed = await listen(createTcp((socket) => socket.destroy()))
  const runner = openRunner()
  await expect(runner.request(get(`http://a.test:${closed}/`))).rejects.toThrow(/ECONNRESET|hang up/)
  await expect(runner.request(get(`http://a.test:${cut}/`))).rejects.toThrow()
  const started = Date.now()
  await expect(runner.request(get(`http://a.test:${silent}/`, { timeoutMs: 200 }))).rejects.toThrow()
  expect(Date.now() - started).toBeLessThan(2000)
  const lost = openRunner({ reach: { resolve: async () => [], authorities: [] } })
  await expect(lost.request(get('http://no.test/'))).rejects.toThrow('no.test has no address')
  expect(readTranscript(runner).map(({ error }) => typeof error)).toEqual(['string', 'string', 'string'])
})

test('a TCP exchange sends its message and returns the answer', async () => {
  const redis = (socket: Socket) =>
    socket.on('data', (bytes) => socket.write(bytes.includes('PING') ? '+PONG\r\n' : '-ERR\r\n'))
  const plain = await listen(createTcp(redis))
  const secured = await listen(createTls(certificate, redis))
  const ping = { host: 'site.test', say: 'PING\r\n', timeoutMs: 2000, effect: 'read' } as const
  const runner = openRunner(trusting())
  expect(await runner.dial({ ...ping, port: plain, tls: false })).toMatchObject({ answer: '+PONG\r\n' })
  const heard = await runner.dial({ ...ping, port: secured, tls: true })
  expect(heard).toMatchObject({ answer: '+PONG\r\n' })
  expect(heard.certificate?.subjectaltname).toContain('DNS:site.test')
  await expect(runner.dial({ ...ping, host: 'other.test', port: secured, tls: true })).rejects.toThrow(
    /altnames/,
  )
  expect(readTranscript(runner).map(({ kind, answered }) => [kind, answered])).toEqual([
    ['dial', true],
    ['dial', true],
    ['dial', undefined],
  ])
})

test('a TCP exchange that is hung up on, that gets no answer, and that only connects', async () => {
  const rude = await listen(createTcp((socket) => socket.on('data', () => socket.end())))
  const silent = await listen(createTcp())
  const dial = { host: 'a.test', tls: false, timeoutMs: 200, effect: 'read' } as const
  const runner = openRunner()
  expect(await runner.dial({ ...dial, port: rude, say: 'x' })).toMatchObject({ answer: '' })
  expect(await runner.dial({ ...dial, port: silent })).toMatchObject({ answer: '' })
  await expect(runner.dial({ ...dial, port: silent, say: 'x' })).rejects.toThrow(
    `a.test:${silent} did not answer within 0.2 s`,
  )
})

test('a TCP exchange with an unreadable answer, or aborted before it starts, ends at once', async () => {
  const other = await listen(createTcp((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')))
  const silent = await listen(createTcp())
  const runner = openRunner()
  const whole = (answer: string): boolean => {
    throw new Error(`no Redis: ${answer.slice(0, 8)}`)
  }
  const asked = { host: 'a.test', tls: false, say: 'x', timeoutMs: 2000, effect: 'read' } as const
  await expect(runner.dial({ ...asked, port: other, whole })).rejects.toThrow('no Redis: HTTP/1.1')
  const stop = new AbortController()
  const resolve = async () => {
    stop.abort(new Error('stopped'))
    return [{ address: '127.0.0.1', family: 4 }]
  }
  const stopped = openRunner({ signal: stop.signal, reach: { resolve, authorities: [] } })
  await expect(stopped.dial({ ...asked, port: silent })).rejects.toThrow('stopped')
})

test('a request with az’s settings uses its proxy and its authorities; other requests do not', async () => {
  const port = await listen(createHttps({ ...certificate }, (_incoming, outgoing) => outgoing.end('hello')))
  const through: string[] = []
  const proxy = createHttp().on('connect', (incoming, socket) => {
    through.push(String(incoming.url))
    const onwards = connect(port, '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
    socket.pipe(onwards).pipe(socket)
  })
  const proxyUrl = `http://127.0.0.1:${await listen(proxy)}`
  const none = async () => Promise.reject(new Error('no DNS here'))
  const runner = openRunner({
    reach: { resolve: none, authorities: [] },
    azReach: () => ({ resolve: none, authorities: [certificate.cert], proxies: { HTTPS_PROXY: proxyUrl } }),
  })
  expect(await runner.request(get(`https://site.test:${port}/`, { as: 'az' }))).toMatchObject({
    body: 'hello',
  })
  expect(through).toEqual([`site.test:${port}`])
  await expect(runner.request(get(`https://site.test:${port}/`))).rejects.toThrow('no DNS here')
})

test('repeated requests are recorded once, but each failure is recorded', async () => {
  let status = 200
  const server = createHttp((_incoming, outgoing) => outgoing.writeHead(status).end())
  const url = `http://api.test:${await listen(server)}/`
  const runner = openRunner()
  for (let count = 0; count < 3; count++) await runner.request(get(url, { often: true }))
  status = 500
  await runner.request(get(url))
  server.close()
  server.closeAllConnections()
  for (let count = 0; count < 2; count++)
    await expect(runner.request(get(url, { often: true }))).rejects.toThrow()
  const seen = readTranscript(runner).map((entry) => entry.status ?? 'failed')
  expect(seen).toEqual([200, 500, 'failed', 'failed'])
  expect(runner.count.read).toBe(6)
})

test('shared requests use one connection, and a new one when the other side has closed it', async () => {
  const ports = new Set<number>()
  const server = createHttps(certificate, (incoming, outgoing) => {
    const anew = !ports.has(incoming.socket.remotePort!)
    ports.add(incoming.socket.remotePort!)
    if (incoming.url === '/closed' && !anew) incoming.socket.destroy()
    else outgoing.end('well')
  })
  const port = await listen(server)
  const runner = openRunner(trusting())
  const ask = (path: string) => runner.request(get(`https://site.test:${port}${path}`, { shared: true }))
  const [first, second] = [await ask('/'), await ask('/again')]
  expect([ports.size, Object.keys(first.phases).length, Object.keys(second.phases).length]).toEqual([1, 5, 2])
  expect((await ask('/closed')).body).toBe('well')
  expect(ports.size).toBe(2)
})

test('a request without an answer says so; one that nobody waits for is aborted', async () => {
  let closed = 0
  const port = await listen(
    createTcp(
      (socket) =>
        void socket
          .on('error', () => {})
          .on('close', () => closed++)
          .resume(),
    ),
  )
  const runner = openRunner(trusting())
  const late = runner.request(get(`http://a.test:${port}/`, { timeoutMs: 100 }))
  await expect(late).rejects.toMatchObject({ name: 'TimeoutError', message: 'no answer within 0.1 s' })
  const nobody = new AbortController()
  const asked = runner.request(get(`http://a.test:${port}/`), nobody.signal)
  setTimeout(() => nobody.abort(), 50)
  await expect(asked).rejects.toMatchObject({ name: 'AbortError' })
  await expect(runner.request(get(`http://a.test:${port}/`), nobody.signal)).rejects.toMatchObject({
    name: 'AbortError',
  })
  await expect.poll(() => closed).toBeGreaterThanOrEqual(2)
})
