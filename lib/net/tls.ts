import type { SecureContext } from 'node:tls'
import type { NetworkOptions } from './http.ts'

const contexts = new WeakMap<NetworkOptions, Promise<SecureContext>>()

/**
 * The secure context that trusts Node's own authorities and CA_FILE's. Created once a run, because each context with
 * additional authorities parses all of Node's again (docs/measurements.md).
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
