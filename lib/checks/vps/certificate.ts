import { formatScriptLine } from '../../config/config.ts'
import { type Certificate, inspectServer } from '../../vps/serverState.ts'
import { type Check, fail, pass, type Result, warn } from '../check.ts'
import { getRootCause, unanswered } from '../connectionErrors.ts'
import { lifetimeLeft } from '../site/certificate.ts'
import { get, nginxAdvice } from '../site/http.ts'

/** The certificate stored on the VPS, and whether something renews it. */
export const certificateRenewal: Check = {
  id: 'certificate',
  title: 'Certificate and its renewal',
  tags: ['doctor', 'certificate'],
  needs: 'ssh',
  advice: () => formatScriptLine('issue-certificate'),
  async run({ context, now }) {
    const { lineage, timer, hook } = (await inspectServer(context)).certificate
    if (!lineage) return fail('there is none')
    const lifetime = { from: lineage.notBefore.getTime(), to: lineage.notAfter.getTime() }
    const limits = context.config.health.certificatePercent
    const { verdict, percent } = lifetimeLeft(lifetime, limits, now.getTime())
    const detail = `until ${lineage.notAfter.toISOString().slice(0, 10)}, ${Math.round(percent)} % of its lifetime left`
    if (verdict === 'CRITICAL') return fail(detail)
    const idle = `${detail}, but certbot.timer is not running, so nothing renews it`
    if (!timer) return fail(idle, formatScriptLine('setup-server'))
    if (!hook) return warn(`${detail}, but nothing reloads nginx after a renewal`)
    return verdict === 'WARNING' ? warn(detail) : pass(`${detail}; certbot.timer renews it`)
  },
}

/** Finds a certificate that was renewed on disk while nginx still serves the old one. */
export const servedCertificate: Check = {
  id: 'stored-certificate',
  title: 'Stored certificate is served',
  tags: ['health', 'doctor', 'certificate'],
  aliases: { doctor: { id: 'served-certificate', title: 'Served certificate' } },
  needs: 'ssh',
  advice: nginxAdvice,
  async run(checking) {
    const url = `https://${checking.context.config.domain}/`
    const [served, server] = await Promise.allSettled([
      get(checking, url, { method: 'HEAD' }),
      inspectServer(checking.context),
    ])
    if (server.status === 'rejected') throw server.reason
    const { lineage } = server.value.certificate
    if (served.status === 'fulfilled')
      return judgeStored(served.value.certificate?.serialNumber, lineage?.serial)
    return judgeNotServed(url, served.reason, lineage, Date.now())
  },
}

const reloadLine = 'On the VPS: systemctl reload nginx'

/** Serial numbers in hexadecimal. */
export function judgeStored(served: string | undefined, stored: string | undefined): Result {
  if (served === undefined) return fail('nginx serves none', reloadLine)
  if (!stored) return fail("one is served, but none is stored in certbot's folder", reloadLine)
  if (served.toUpperCase() === stored.toUpperCase()) return pass('is the stored one')
  return fail('is not the stored one: nginx has not been reloaded since the renewal', reloadLine)
}

/** A rejected certificate cannot be compared, but an expired one differs from a stored one that is still valid. */
export function judgeNotServed(
  url: string,
  thrown: unknown,
  lineage: Pick<Certificate, 'notAfter'> | undefined,
  now: number,
): Result {
  if (getRootCause(thrown).code !== 'CERT_HAS_EXPIRED')
    return { ...unanswered(url, thrown), verdict: 'UNKNOWN' }
  if (!lineage) return judgeStored('expired', undefined)
  const until = lineage.notAfter.toISOString().slice(0, 10)
  if (lineage.notAfter.getTime() <= now)
    return fail(`the stored one has also expired (${until})`, formatScriptLine('issue-certificate'))
  const stale = `an expired one is served, the stored one is valid until ${until}`
  return fail(`${stale}: nginx has not been reloaded since the renewal`, reloadLine)
}
