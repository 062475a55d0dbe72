import type { SecureContext } from 'node:tls'
import type { NetworkOptions } from './http.ts'

const made = new WeakMap<NetworkOptions, Promise<SecureContext>>()

/**
 * Whom TLS connections of this reach trust: Node's own authorities and CA_FILE's. Made once a run, because every context
 * with authorities of its own parses all of Node's anew (docs/measurements.md).
 */
export function secureContextFor(reach: NetworkOptions): Promise<SecureContext> {
  const known = made.get(reach) ?? makeContext(reach.authorities)
  made.set(reach, known)
  return known
}

async function makeContext(authorities: readonly string[]): Promise<SecureContext> {
  const tls = await import('node:tls')
  return tls.createSecureContext(
    authorities.length > 0 ? { ca: [...tls.rootCertificates, ...authorities] } : {},
  )
}
