import { formatScriptLine } from '../../config/pasteLine.ts'
import type { Context } from '../../tasks/context.ts'
import { type Certificate, inspectServer } from '../../vps/serverState.ts'
import { getRootCause, unanswered } from '../connectionErrors.ts'
import type { Probe, Reading } from '../probe.ts'
import { coreProbe } from '../probe.ts'
import { judgeStored, reloadLine } from './certificate.ts'
import { get } from './http.ts'

/** Is what lies on the VPS what visitors are shown? */
export const storedCertificateProbe = (context: Context): Probe => ({
  ...coreProbe,
  id: 'stored-certificate',
  title: 'Stored certificate is served',
  async ask(signal) {
    const url = `https://${context.config.domain}/`
    const [served, survey] = await Promise.allSettled([
      get(context, url, signal, { method: 'HEAD' }),
      inspectServer(context),
    ])
    if (survey.status === 'rejected') throw survey.reason
    const { lineage } = survey.value.certificate
    if (served.status === 'fulfilled')
      return judgeStored(served.value.certificate?.serialNumber, lineage?.serial)
    return judgeNotServed(url, served.reason, lineage, Date.now())
  },
})

/** Which one was shown is not known when it is refused; but an expired one is not the stored one that is still good. */
export function judgeNotServed(
  url: string,
  thrown: unknown,
  lineage: Pick<Certificate, 'notAfter'> | undefined,
  now: number,
): Reading {
  if (getRootCause(thrown).code !== 'CERT_HAS_EXPIRED')
    return { ...unanswered(url, thrown), verdict: 'UNKNOWN' }
  if (!lineage) return judgeStored('expired', undefined)
  const until = lineage.notAfter.toISOString().slice(0, 10)
  if (lineage.notAfter.getTime() > now)
    return {
      verdict: 'CRITICAL',
      detail: `an expired one is served, the stored one is good until ${until}: nginx was not reloaded since it was renewed`,
      next: reloadLine,
    }
  return {
    verdict: 'CRITICAL',
    detail: `the stored one has expired, too (${until})`,
    next: formatScriptLine('issue-certificate'),
  }
}
