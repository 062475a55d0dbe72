import { formatScriptLine } from '../../config/pasteLine.ts'
import { inspectServer } from '../../vps/serverState.ts'
import { lifetimeLeft } from '../probes/certificate.ts'
import { type Check, fail, pass, warn } from './check.ts'

/** What lies on the VPS, and whether something renews it. By fraction: lifetimes get shorter. */
export const storedCertificate: Check = {
  id: 'certificate',
  title: 'Certificate and its renewal',
  category: 'certificate',
  get next() {
    return formatScriptLine('issue-certificate')
  },
  async look({ context, now }) {
    const { certificate } = await inspectServer(context)
    const { lineage, timer, hook } = certificate
    if (!lineage) return fail('there is none')
    const lifetime = { from: lineage.notBefore.getTime(), to: lineage.notAfter.getTime() }
    const { verdict, percent } = lifetimeLeft(
      lifetime,
      context.config.health.certificatePercent,
      now.getTime(),
    )
    const said = `until ${lineage.notAfter.toISOString().slice(0, 10)}, ${Math.round(percent)} % of its lifetime left`
    if (verdict === 'CRITICAL') return fail(said)
    if (!timer)
      return fail(
        `${said}, but certbot.timer does not run: nothing renews it`,
        formatScriptLine('setup-server'),
      )
    if (!hook) return warn(`${said}, but nginx is not told of a renewed one`)
    return verdict === 'WARNING' ? warn(said) : pass(`${said}; certbot.timer renews it`)
  },
}
