import { formatScriptLine } from '../../config/pasteLine.ts'
import { inspectServer } from '../../vps/serverState.ts'
import { type Check, fail, pass, warn } from '../check.ts'
import { lifetimeLeft } from '../site/certificate.ts'

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
    if (!timer)
      return fail(
        `${detail}, but certbot.timer does not run: nothing renews it`,
        formatScriptLine('setup-server'),
      )
    if (!hook) return warn(`${detail}, but nginx is not told of a renewed one`)
    return verdict === 'WARNING' ? warn(detail) : pass(`${detail}; certbot.timer renews it`)
  },
}
