import { formatScriptLine } from '../../config/pasteLine.ts'
import type { Context } from '../../tasks/context.ts'
import { getRootCause, reactionTo } from '../connectionErrors.ts'
import { type Check, fail, pass } from './check.ts'

/** The CA comes to port 80, visitors to 443. */
export const sitePorts: Check = {
  id: 'site-ports',
  title: 'Ports 80 and 443 of the VPS',
  category: 'ports',
  get next() {
    return `${formatScriptLine('configure-nginx')}; and see that the IONOS firewall policy lets both ports in.`
  },
  async look({ context }) {
    const answers = await Promise.all([closed(context, 'http', 80), closed(context, 'https', 443)])
    const faults = answers.filter((answer) => answer !== undefined)
    return faults.length === 0 ? pass('both answer') : fail(faults.join('; '))
  },
}

/** Why a port is closed; undefined when something answers there, whatever it says. Throws when that cannot be known. */
async function closed(
  { config, runner }: Context,
  scheme: 'http' | 'https',
  port: number,
): Promise<string | undefined> {
  const url = `${scheme}://${config.domain}/`
  try {
    await runner.request({ method: 'HEAD', url, effect: 'read', timeoutMs: 10_000 })
  } catch (thrown) {
    const reaction = reactionTo(thrown)
    if (reaction === 'refused') return `${port} refuses connections`
    // What follows a connection (TLS, HTTP) is for other checks.
    if (reaction === 'connected') return undefined
    throw new Error(`${port}: ${getRootCause(thrown).message}`)
  }
  return undefined
}
