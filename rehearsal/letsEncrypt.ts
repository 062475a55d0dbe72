import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request } from 'node:https'
import type { Authority } from './authority.ts'

/**
 * Host names of Let's Encrypt's two servers. certbot uses the second one for every dry run without
 * `--server`, no matter which server issued the certificate (certbot, "--dry-run").
 */
export const LETS_ENCRYPT = ['acme-v02.api.letsencrypt.org', 'acme-staging-v02.api.letsencrypt.org']

export interface LetsEncrypt {
  stop(): Promise<void>
}

/**
 * Makes Pebble answer as Let's Encrypt, on `address`:443. Pebble builds its links from the Host header, so
 * the only difference is the directory's path: `/directory` there, `/dir` here.
 */
export async function startLetsEncrypt(options: {
  address: string
  /** The address of Pebble, and the name in its certificate. */
  pebble: { host: string; port: number; servername: string }
  authority: Authority
}): Promise<LetsEncrypt> {
  const { address, pebble, authority } = options
  const { key, certificate: cert } = await authority.issue(LETS_ENCRYPT)
  const server = createServer({ key, cert }, (incoming, outgoing) => {
    const path = incoming.url === '/directory' ? '/dir' : incoming.url
    const { method, headers } = incoming
    const passed = request({ ...pebble, path, method, headers, ca: authority.certificate, agent: false })
    passed.on('response', (answer: IncomingMessage) => {
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(outgoing)
    })
    passed.on('error', (error) => unavailable(outgoing, error))
    incoming.pipe(passed)
  })
  server.listen(443, address)
  await once(server, 'listening')
  return {
    async stop() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close').catch(() => {})
    },
  }
}

/** While Pebble is down: an ACME problem document (RFC 8555, 6.7), as Let's Encrypt sends during an outage. */
function unavailable(outgoing: ServerResponse, error: Error): void {
  if (outgoing.headersSent) return void outgoing.destroy()
  const detail = `The service is down for maintenance or had an internal error (${error.message})`
  outgoing.writeHead(503, { 'content-type': 'application/problem+json' })
  outgoing.end(JSON.stringify({ type: 'urn:ietf:params:acme:error:serverInternal', detail, status: 503 }))
}
