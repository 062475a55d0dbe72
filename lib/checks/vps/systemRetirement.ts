import { formatScriptLine } from '../../config/pasteLine.ts'
import { inspectServer } from '../../vps/serverState.ts'
import type { Check } from '../check.ts'
import { judgeEndOfLife } from '../endOfLife.ts'

/** Debian: the end of long-term support (wiki.debian.org/LTS); Ubuntu: of standard support (ubuntu.com/about/release-cycle). */
const ends: Readonly<Record<string, string>> = {
  'debian 11': '2026-08-31',
  'debian 12': '2028-06-30',
  'debian 13': '2030-06-30',
  'ubuntu 22.04': '2027-04-01',
  'ubuntu 24.04': '2029-04-25',
  'ubuntu 26.04': '2031-04-30',
}

export const systemRetirement: Check = {
  id: 'system-retirement',
  title: 'System of the VPS',
  tags: ['doctor', 'retirement'],
  needs: 'ssh',
  advice: () => `Plan a new VPS of a newer release; ${formatScriptLine('deploy-complete')} sets it up.`,
  async run({ context, now }) {
    const { os } = await inspectServer(context)
    const name = `${os.id} ${os.version}`
    return judgeEndOfLife(name, ends[name], now)
  },
}
