import { expect, test } from 'vitest'
import { formatBytes, formatCount, formatDuration, formatList } from '../../../lib/util/format.ts'

test('singular and plural', () => {
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
  [-5000, '0 s'],
  [0, '0 s'],
  [40, '0 s'],
  [400, '0.4 s'],
  [1249, '1.2 s'],
  [9960, '10 s'],
  [25_000, '25 s'],
  [59_400, '59 s'],
  [59_999, '1 min'],
  [119_700, '2 min'],
  [119_000, '1 min 59 s'],
  [59.4 * 60_000, '59 min 24 s'],
  [3_599_600, '1 h'],
  [3_725_000, '1 h 2 min'],
  [7_500_000, '2 h 5 min'],
  [86_399_000, '23 h 59 min'],
  [1445 * 60_000, '1 d'],
  [172_800_000 + 4 * 3_600_000, '2 d 4 h'],
])('%d ms last %s', (ms, words) => expect(formatDuration(ms)).toBe(words))

test('a long list names the first and counts the rest', () => {
  expect(formatList(['a', 'b', 'c'], 2)).toBe('a, b, c')
  expect(formatList(['a', 'b', 'c', 'd'], 2)).toBe('a, b and 2 more')
  expect(formatList(['a', 'b', 'c', 'd'], 2, '; ')).toBe('a; b; and 2 more')
})
