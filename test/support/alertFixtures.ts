import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcp } from 'node:net'
import type { Alert } from '../../lib/monitoring/alerts/alert.ts'
import { listen } from './servers.ts'

export const createAlert = (more: Partial<Alert> = {}): Alert => ({
  kind: 'problem',
  verdict: 'CRITICAL',
  domain: 'codexdominion.app',
  environment: 'default',
  at: Date.UTC(2026, 10, 23, 4, 30),
  since: Date.UTC(2026, 10, 23, 4, 20),
  title: 'api 503',
  lines: ['api: CRITICAL, 503 <Service & Unavailable>', 'backend: CRITICAL, refused'],
  incident: '42',
  ...more,
})

export interface ReceivedRequest {
  line: string
  headers: IncomingHttpHeaders
  body: string
}

/** A receiver that records the requests it gets and answers as configured. */
export async function startReceiver(answer: (outgoing: ServerResponse, heard: ReceivedRequest) => void) {
  const heard: ReceivedRequest[] = []
  const server = createServer((incoming, outgoing) => {
    let body = ''
    incoming.on('data', (chunk) => {
      body += chunk
    })
    incoming.on('end', () => {
      const one = { line: `${incoming.method} ${incoming.url}`, headers: incoming.headers, body }
      heard.push(one)
      answer(outgoing, one)
    })
  })
  return { heard, port: await listen(server) }
}

/** Accepts connections and never sends anything. */
export const startSilentServer = (): Promise<number> => listen(createTcp())

/** A port that nothing listens on. */
export async function getClosedPort(): Promise<number> {
  const server = createTcp()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
