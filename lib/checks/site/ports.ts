import { formatScriptLine } from '../../config/config.ts'
import { type Check, fail, pass, type QuickContext } from '../check.ts'
import { getRootCause, reactionTo } from '../connectionErrors.ts'
import { get } from './http.ts'

/** The CA connects to port 80, visitors to 443. */
export const ports: Check<QuickContext> = {
  id: 'site-ports',
  title: 'Ports 80 and 443 of the VPS',
  tags: ['doctor', 'ports'],
  needs: 'nothing',
  advice: () =>
    `Run ${formatScriptLine('configure-nginx')}, and check that the IONOS firewall policy admits both ports.`,
  async run(checking) {
    const ways = await Promise.all([findClosed(checking, 'http', 80), findClosed(checking, 'https', 443)])
    const faults = ways.filter((way) => way !== undefined)
    return faults.length === 0 ? pass('both answer') : fail(faults.join('; '))
  },
}

/** Describes why a port is closed; undefined when anything answers there. Throws when that cannot be determined. */
async function findClosed(checking: QuickContext, scheme: 'http' | 'https', port: number) {
  try {
    await get(checking, `${scheme}://${checking.context.config.domain}/`, { method: 'HEAD' })
    return undefined
  } catch (thrown) {
    const reaction = reactionTo(thrown)
    // Other checks judge TLS and HTTP.
    if (reaction === 'connected') return undefined
    if (reaction === 'refused') return `${port} refuses connections`
    throw new Error(`${port}: ${getRootCause(thrown).message}`)
  }
}
