import { sizeWords } from '../../util/format.ts'
import { surveyOf } from '../../vps/serverState.ts'
import { type Check, doubtful, fine, wrong } from './check.ts'

/** A full disk stops nginx's logs, certbot and every publish. */
export const disk: Check = {
  id: 'vps-disk',
  title: 'Disk of the VPS',
  category: 'vps',
  next: 'Free some space there: journalctl --vacuum-size=200M, apt-get clean, or a lower KEEP_RELEASES.',
  async look({ context }) {
    const { freeBytes } = await surveyOf(context)
    const said = `${sizeWords(freeBytes)} left`
    if (freeBytes < 200e6) return wrong(said)
    return freeBytes < 1e9 ? doubtful(said) : fine(said)
  },
}
