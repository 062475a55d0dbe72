import { formatScriptLine } from '../config/pasteLine.ts'
import type { Observation } from './probe.ts'

/** What nginx on the VPS answers for. */
const face = /^(static|api(-[a-z]+)?|redirects|certificate|stored-certificate)$/
const refused = /ECONNREFUSED|connection refused/i
const silent = /no answer (within|in time)|ETIMEDOUT/i
/** Of nginx, when nobody behind it answers (RFC 9110, 15.6). */
const gateway = /\bsays 50[234]\b/

const nginx =
  'nginx does not listen there. On the VPS: systemctl status nginx tells why, systemctl start nginx starts it again.'
const vps = () =>
  `Does the VPS run, and does its firewall let ports 80 and 443 in? ${formatScriptLine('doctor')} asks it from within.`
const backend = () =>
  `${formatScriptLine('view-logs', '--only', 'backend')} tells why; ${formatScriptLine('restart-containers', '--only', 'backend')} starts it again.`

/** What to do about a fault, where the probe itself has said nothing of it; undefined where there is nothing to say. */
export function adviceOn({ probe: { id }, verdict, detail, next }: Observation): string | undefined {
  if (next || verdict !== 'CRITICAL') return next
  if (id === 'backend') return backend()
  if (!face.test(id)) return undefined
  if (refused.test(detail)) return nginx
  // Pages and certificate do not need the backend: their silence is the VPS's.
  if (silent.test(detail)) return id === 'api' || id.startsWith('api-') ? backend() : vps()
  return gateway.test(detail) && id.startsWith('api') ? backend() : undefined
}
