import { messageOf } from '../command/errors.ts'
import type { Verdict } from '../command/verdict.ts'

/** What it means that a request or a connection brought no answer. */
export interface Unanswered {
  verdict: Verdict
  detail: string
  silent?: true
}

/**
 * @param who the URL or host that was asked
 * @param thrown the socket's, the resolver's or OpenSSL's own error
 */
export function unanswered(who: string, thrown: unknown): Unanswered {
  const { code = '', syscall = '', message } = rootOf(thrown)
  // This machine's name server is silent; that says nothing of whom it was asked about.
  if (code === 'EAI_AGAIN' || (syscall.startsWith('query') && /^(ETIMEOUT|ECONNREFUSED)$/.test(code)))
    return {
      verdict: 'UNKNOWN',
      detail: `this machine's name server does not answer (${code})`,
      silent: true,
    }
  if (code === 'ENOTFOUND' || syscall.startsWith('query'))
    return { verdict: 'CRITICAL', detail: `${who}: ${message}`, silent: true }
  if (/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO|HPE_/.test(code))
    return { verdict: 'CRITICAL', detail: `${who}: ${message}` }
  return { verdict: 'CRITICAL', detail: `${who}: ${message}`, silent: true }
}

/** The error of Node at the bottom of what was thrown. */
function rootOf(thrown: unknown): { code?: string; syscall?: string; message: string } {
  const error = thrown as NodeJS.ErrnoException & { errors?: unknown[] }
  // Several addresses were tried: the first one's fate stands for all.
  if (Array.isArray(error?.errors) && error.errors.length > 0) return rootOf(error.errors[0])
  if (error?.code === undefined && error?.cause instanceof Error) return rootOf(error.cause)
  const { code, syscall } = error ?? {}
  return { ...(code ? { code } : {}), ...(syscall ? { syscall } : {}), message: messageOf(thrown) }
}
