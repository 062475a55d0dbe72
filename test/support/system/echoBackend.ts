import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { sessionCookies } from './sessionCookies.ts'

/** The requests that the backends received. */
export const received: { url: string; headers: IncomingHttpHeaders; bytes: number }[] = []

/** What an attacker who controls the backend would send to control the whole site. */
export const hostile: Record<string, string | string[]> = {
  'set-cookie': ['session=1; Domain=codexdominion.app', 'other=2'],
  'service-worker-allowed': '/',
  'access-control-allow-origin': 'https://evil.example',
  'access-control-allow-credentials': 'true',
  'access-control-allow-methods': '*',
  'access-control-allow-headers': '*',
  'access-control-allow-private-network': 'true',
  'access-control-expose-headers': '*',
  'access-control-max-age': '86400',
  'clear-site-data': '"*"',
  'alt-svc': 'h3="evil.example:443"',
  refresh: '0; url=https://evil.example/',
  nel: '{"report_to":"x","max_age":31536000}',
  'report-to': '{"group":"x","max_age":31536000,"endpoints":[{"url":"https://evil.example/"}]}',
  'reporting-endpoints': 'x="https://evil.example/"',
  'x-accel-redirect': '/_dominion/maintenance.html',
  'content-security-policy': "default-src *; script-src * 'unsafe-inline'",
  'content-security-policy-report-only': 'default-src *; report-uri https://evil.example/',
  'content-type': 'text/html',
}

/** A backend that records every request; it takes the place of Azure's. */
export function startBackend(): Server {
  const server = createServer(async (request, response) => {
    let bytes = 0
    for await (const chunk of request) bytes += chunk.length
    received.push({ url: request.url ?? '', headers: request.headers, bytes })
    response.setHeader('x-frame-options', 'SAMEORIGIN')
    response.setHeader('x-powered-by', 'test')
    response.setHeader('content-type', 'application/json')
    if (request.url === '/api/hostile') {
      for (const [name, value] of Object.entries(hostile)) response.setHeader(name, value)
    }
    const [, number] = /^\/api\/(?:session|other)\?(\d+)$/.exec(request.url ?? '') ?? []
    if (number) response.setHeader('set-cookie', sessionCookies[Number(number)]?.sent ?? [])
    if (request.url === '/api/cacheable') response.setHeader('cache-control', 'public, max-age=600')
    response.end(JSON.stringify({ bytes }))
  })
  server.keepAliveTimeout = 1000
  return server
}
