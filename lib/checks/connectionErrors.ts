import { getMessage, isUnanswered } from '../util/errors.ts'
import { judgedFailure, type Verdict } from '../util/status.ts'

/** What it means that a request or a connection brought no answer. */
export interface Unanswered {
  verdict: Verdict
  detail: string
  silent?: true
  /** Whoever answered is not known to be the one that was asked. */
  unproven?: true
}

/**
 * @param who the URL or server that was asked
 * @param thrown the socket's, the resolver's or OpenSSL's own error
 * @param silence what mere silence means: an outage for what visitors use; for what a firewall may keep from this machine
 *   alone, that it cannot be known
 */
export function unanswered(who: string, thrown: unknown, silence: Verdict = 'CRITICAL'): Unanswered {
  // Not the other side's failure: the way to asking it.
  if (isUnanswered(thrown)) return { ...judgedFailure(thrown), verdict: 'UNKNOWN', silent: true }
  const { code = '', syscall = '', message } = getRootCause(thrown)
  const asksName = syscall.startsWith('query') || syscall === 'getaddrinfo' || code === 'EAI_AGAIN'
  // A name server that is silent says nothing of whom it was asked about.
  if (asksName && /^(EAI_AGAIN|ETIMEOUT|ECONNREFUSED)$/.test(code))
    return {
      verdict: 'UNKNOWN',
      detail: `no name server says where ${hostOf(who)} is (${code})`,
      silent: true,
    }
  const detail = message.includes(who) ? message : `${who}: ${message}`
  // Nobody else can show the certificate of before: one that is over, or not yet valid, is the site's own.
  if (/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$|HPE_/.test(code)) return { verdict: 'CRITICAL', detail }
  if (/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code)) return { verdict: 'CRITICAL', detail, unproven: true }
  const known = asksName || code === 'ENOTFOUND' || code === 'ECONNREFUSED'
  return { verdict: known ? 'CRITICAL' : silence, detail, silent: true }
}

/** The error of Node at the bottom of what was thrown. */
export function getRootCause(thrown: unknown): { code?: string; syscall?: string; message: string } {
  const error = thrown as NodeJS.ErrnoException & { errors?: unknown[] }
  // Several addresses were tried: the first one's fate stands for all.
  if (Array.isArray(error?.errors) && error.errors.length > 0) return getRootCause(error.errors[0])
  if (error?.code === undefined && error?.cause instanceof Error) return getRootCause(error.cause)
  const { code, syscall } = error ?? {}
  const message = getMessage(thrown)
    // Node's word on its own end of a connection that was never made.
    .replace(/ - Local \(.*\)$/, '')
    // Python's number of the error, before its words.
    .replace(/^\[Errno -?\d+\] (.)/, (_, first: string) => first.toLowerCase())
  return { ...(code ? { code } : {}), ...(syscall ? { syscall } : {}), message }
}

const hostOf = (who: string): string => (URL.canParse(who) ? new URL(who).hostname : who)

/**
 * What the other side did to a request that brought no answer: it refused the connection, or it took it and then TLS or
 * HTTP went wrong. Undefined: nothing was heard of it.
 */
export function reactionTo(thrown: unknown): 'refused' | 'connected' | undefined {
  const { code = '', syscall = '' } = getRootCause(thrown)
  // A name server may refuse, too; that says nothing of whom it was asked about.
  if (code === 'ECONNREFUSED' && !syscall.startsWith('query')) return 'refused'
  return /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO|ECONNRESET|HPE_/.test(code) ? 'connected' : undefined
}
