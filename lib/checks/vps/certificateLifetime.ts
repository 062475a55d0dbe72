import { formatScriptLine } from '../../config/pasteLine.ts'
import { inspectServer } from '../../vps/serverState.ts'
import { type Check, pass, warn } from '../check.ts'

/** Let's Encrypt: 64 days by default from 2027-02-10 on, 45 from 2028-02-16 on. */
const shorter = [
  { from: '2027-02-10', days: 64 },
  { from: '2028-02-16', days: 45 },
]

/** Nobody can renew by hand at that pace. */
export const certificateLifetime: Check = {
  id: 'certificate-lifetime',
  title: 'Lifetime of certificates',
  tags: ['doctor', 'retirement'],
  needs: 'ssh',
  advice: () => `${formatScriptLine('setup-server')}   (it switches certbot.timer on)`,
  async run({ context, now }) {
    const { timer } = (await inspectServer(context)).certificate
    const coming = shorter
      .filter(({ from }) => Date.parse(from) > now.getTime())
      .map(({ from, days }) => `${days} days from ${from} on`)
    const detail = coming.length > 0 ? `gets shorter: ${coming.join(', ')}` : 'is 45 days'
    return timer
      ? pass(`${detail}; certbot.timer renews in time`)
      : warn(`${detail}; certbot.timer does not run`)
  },
}
