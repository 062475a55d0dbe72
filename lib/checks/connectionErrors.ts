import { getMessage, isUnanswered } from '../util/errors.ts'
import { judgedFailure, type Verdict } from '../util/verdict.ts'
import type { Result } from './check.ts'

/**
 * Returns the result for a request or connection that got no answer.
 * @param who the URL or server that was asked
 * @param thrown the socket's, the resolver's or OpenSSL's own error
 * @param silence the verdict for mere silence: CRITICAL for what visitors use; UNKNOWN where a firewall may
 * block only this machine
 */
export function unanswered(who: string, thrown: unknown, silence: Verdict = 'CRITICAL'): Result {
  // The connection to the other side failed, not the other side itself.
  if (isUnanswered(thrown)) return { ...judgedFailure(thrown), verdict: 'UNKNOWN', silent: true }
  const { code = '', syscall = '', message } = getRootCause(thrown)
  const asksName = syscall.startsWith('query') || syscall === 'getaddrinfo' || code === 'EAI_AGAIN'
  // A name server that does not answer says nothing about the host.
  if (asksName && /^(EAI_AGAIN|ETIMEOUT|ECONNREFUSED)$/.test(code)) {
    const host = URL.canParse(who) ? new URL(who).hostname : who
    return { verdict: 'UNKNOWN', detail: `no name server could resolve ${host} (${code})`, silent: true }
  }
  const detail = message.includes(who) ? message : `${who}: ${message}`
  // Only the site itself can show its expired certificate, or one that is not yet valid.
  if (/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$|HPE_/.test(code)) return { verdict: 'CRITICAL', detail }
  if (/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code)) return { verdict: 'CRITICAL', detail, unproven: true }
  const known = asksName || code === 'ENOTFOUND' || code === 'ECONNREFUSED'
  return { verdict: known ? 'CRITICAL' : silence, detail, silent: true }
}

/** Node's own error, at the root of the thrown value. */
export function getRootCause(thrown: unknown): { code?: string; syscall?: string; message: string } {
  const error = thrown as NodeJS.ErrnoException & { errors?: unknown[] }
  // When several addresses were tried, the first error represents all of them.
  if (Array.isArray(error?.errors) && error.errors.length > 0) return getRootCause(error.errors[0])
  if (error?.code === undefined && error?.cause instanceof Error) return getRootCause(error.cause)
  const { code, syscall } = error ?? {}
  const message = getMessage(thrown)
    // Remove Node's note about the local address of a failed connection.
    .replace(/ - Local \(.*\)$/, '')
    // Python's error number.
    .replace(/^\[Errno -?\d+\] (.)/, (_, first: string) => first.toLowerCase())
  return { ...(code ? { code } : {}), ...(syscall ? { syscall } : {}), message }
}

/**
 * How the other side reacted to a request that got no answer: it refused the connection, or it accepted the
 * connection and then TLS or HTTP failed. Undefined: no reaction.
 */
export function reactionTo(thrown: unknown): 'refused' | 'connected' | undefined {
  const { code = '', syscall = '' } = getRootCause(thrown)
  // A name server may also refuse, but that says nothing about the host.
  if (code === 'ECONNREFUSED' && !syscall.startsWith('query')) return 'refused'
  return /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO|ECONNRESET|HPE_/.test(code) ? 'connected' : undefined
}
