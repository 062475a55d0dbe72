import { rootOf } from './unanswered.ts'

/**
 * What the other side did to a request that brought no answer: it refused the connection, or it took it and then TLS or
 * HTTP went wrong. Undefined: nothing was heard of it.
 */
export function reactionTo(thrown: unknown): 'refused' | 'connected' | undefined {
  const { code = '', syscall = '' } = rootOf(thrown)
  // A name server may refuse, too; that says nothing of whom it was asked about.
  if (code === 'ECONNREFUSED' && !syscall.startsWith('query')) return 'refused'
  return /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO|ECONNRESET|HPE_/.test(code) ? 'connected' : undefined
}
