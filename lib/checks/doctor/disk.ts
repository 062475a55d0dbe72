import { formatBytes } from '../../util/format.ts'
import { inspectServer } from '../../vps/serverState.ts'
import { type Check, fail, pass, warn } from './check.ts'

/** A full disk stops nginx's logs, certbot and every publish. */
export const disk: Check = {
  id: 'vps-disk',
  title: 'Disk of the VPS',
  category: 'vps',
  next: 'Free some space there: journalctl --vacuum-size=200M, apt-get clean, or a lower KEEP_RELEASES.',
  async look({ context }) {
    const { freeBytes } = await inspectServer(context)
    const said = `${formatBytes(freeBytes)} left`
    if (freeBytes < 200e6) return fail(said)
    return freeBytes < 1e9 ? warn(said) : pass(said)
  },
}
