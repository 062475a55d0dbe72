import { formatScriptLine } from '../../config/pasteLine.ts'
import { surveyOf } from '../../vps/serverState.ts'
import { lifetimeLeft } from '../probes/certificate.ts'
import { type Check, doubtful, fine, wrong } from './check.ts'

/** What lies on the VPS, and whether something renews it. By fraction: lifetimes get shorter. */
export const storedCertificate: Check = {
  id: 'certificate',
  title: 'Certificate and its renewal',
  category: 'certificate',
  get next() {
    return formatScriptLine('issue-certificate')
  },
  async look({ context, now }) {
    const { certificate } = await surveyOf(context)
    const { lineage, timer, hook } = certificate
    if (!lineage) return wrong('there is none')
    const lifetime = { from: lineage.notBefore.getTime(), to: lineage.notAfter.getTime() }
    const { verdict, percent } = lifetimeLeft(
      lifetime,
      context.config.health.certificatePercent,
      now.getTime(),
    )
    const said = `until ${lineage.notAfter.toISOString().slice(0, 10)}, ${Math.round(percent)} % of its lifetime left`
    if (verdict === 'CRITICAL') return wrong(said)
    if (!timer)
      return wrong(
        `${said}, but certbot.timer does not run: nothing renews it`,
        formatScriptLine('setup-server'),
      )
    if (!hook) return doubtful(`${said}, but nginx is not told of a renewed one`)
    return verdict === 'WARNING' ? doubtful(said) : fine(`${said}; certbot.timer renews it`)
  },
}
