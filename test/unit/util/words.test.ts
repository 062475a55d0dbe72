import { expect, test } from 'vitest'
import { formatBytes, formatCount, formatDuration } from '../../../lib/util/format.ts'

test('one of a thing, or several', () => {
  expect([0, 1, 2].map((number) => formatCount(number, 'release'))).toEqual([
    '0 releases',
    '1 release',
    '2 releases',
  ])
  expect(formatCount(2, 'address', 'addresses')).toBe('2 addresses')
})

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [999.9, '1 kB'],
  [81_920, '81.9 kB'],
  [123_456_789, '123 MB'],
  [1_073_741_824, '1.07 GB'],
  [5e15, '5000 TB'],
])('%d bytes are %s', (bytes, words) => expect(formatBytes(bytes)).toBe(words))

test.each([
  [400, '0 s'],
  [25_000, '25 s'],
  [119_000, '119 s'],
  [120_000, '2 min'],
  [7_500_000, '2 h 5 min'],
  [172_800_000 + 4 * 3_600_000, '2 d 4 h'],
])('%d ms last %s', (ms, words) => expect(formatDuration(ms)).toBe(words))
