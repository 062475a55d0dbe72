import { messageOf } from '../../command/errors.ts'
import { type Check, fine, wrong } from '../check.ts'

/** The CA comes to port 80, visitors to 443. */
export const sitePorts: Check = {
  id: 'site-ports',
  title: 'Ports 80 and 443 of the VPS',
  category: 'ports',
  next: 'npx dominion configure-nginx; and see that the IONOS firewall policy lets both ports in.',
  async look({ context: { config, runner } }) {
    const answers = await Promise.all(
      (['http', 'https'] as const).map(async (scheme) => {
        const url = `${scheme}://${config.domain}/`
        try {
          await runner.request({ method: 'HEAD', url, effect: 'read', timeoutMs: 10_000 })
          return undefined
        } catch (thrown) {
          return `${scheme === 'http' ? 80 : 443}: ${messageOf(thrown)}`
        }
      }),
    )
    const closed = answers.filter((answer) => answer !== undefined)
    return closed.length === 0 ? fine('both answer') : wrong(closed.join('; '))
  },
}
