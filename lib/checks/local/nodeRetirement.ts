import type { Check } from '../check.ts'
import { judgeEndOfLife } from '../endOfLife.ts'

/** github.com/nodejs/release, schedule.json. */
const ends: Readonly<Record<string, string>> = {
  20: '2026-04-30',
  22: '2027-04-30',
  24: '2028-04-30',
  26: '2029-04-30',
}

export const nodeRetirement: Check = {
  id: 'node-retirement',
  title: 'Line of Node',
  tags: ['doctor', 'retirement'],
  needs: 'nothing',
  advice: 'Update this toolbox: a newer one brings a newer Node.',
  async run({ now }) {
    const line = process.versions.node.split('.')[0]!
    return judgeEndOfLife(`Node ${line}`, ends[line], now)
  },
}
