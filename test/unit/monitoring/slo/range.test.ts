import { expect, test } from 'vitest'
import { parseSloFlags, type SloFlags } from '../../../../lib/monitoring/slo/slo.ts'

const now = new Date('2026-11-23T04:00:00Z')
const read = (flags: Partial<SloFlags>) => {
  const { from, to, vantage } = parseSloFlags(flags as SloFlags, now)
  return [from, to].map((ms) => new Date(ms).toISOString().slice(0, 16)).concat(vantage)
}

test.each<[Partial<SloFlags>, string[]]>([
  [{}, ['2026-11-01T00:00', '2026-12-01T00:00', 'here']],
  [{ month: '2024-02' }, ['2024-02-01T00:00', '2024-03-01T00:00', 'here']],
  [{ month: '2025-12', from: 'vps' }, ['2025-12-01T00:00', '2026-01-01T00:00', 'vps']],
  [{ since: '1w' }, ['2026-11-16T04:00', '2026-11-23T04:00', 'here']],
  [{ since: '2026-11-01T00:30Z', until: '2d' }, ['2026-11-01T00:30', '2026-11-21T04:00', 'here']],
])('%o', (flags, range) => {
  expect(read(flags)).toEqual(range)
})

test.each<[Partial<SloFlags>, string]>([
  [{ month: '2026-13' }, '--month=2026-13 is not a month'],
  [{ month: '2026-12' }, '--month=2026-12 is in the future'],
  [{ month: '2026-10', since: '1d' }, '--month cannot be combined with --since or --until'],
  [{ until: '1d' }, '--until=1d needs a start'],
  [{ since: '1d', until: '2d' }, '--until=2d is not after --since=1d'],
  [{ since: '1d', until: 'noon' }, '--until=noon is not a valid time'],
  [{ from: 'moon' }, 'Unknown location "moon" for --from'],
])('%o is rejected', (flags, message) => {
  expect(() => read(flags)).toThrow(expect.objectContaining({ exitCode: 2, message }))
})
