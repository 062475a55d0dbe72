import { expect, test } from 'vitest'
import { parsePastTime } from '../../../lib/util/time.ts'

const now = new Date('2026-11-23T12:00:00Z')

test.each([
  ['30m', '2026-11-23T11:30:00.000Z'],
  ['1h30m', '2026-11-23T10:30:00.000Z'],
  ['2d', '2026-11-21T12:00:00.000Z'],
  ['45s', '2026-11-23T11:59:15.000Z'],
  ['1w', '2026-11-16T12:00:00.000Z'],
  ['2026-11-23T03:30Z', '2026-11-23T03:30:00.000Z'],
  ['2026-11-23 03:30:05.250+01:00', '2026-11-23T02:30:05.250Z'],
])('%s', (words, moment) => {
  expect(parsePastTime(words, now).toISOString()).toBe(moment)
})

test('a date or time without a zone is local', () => {
  expect(parsePastTime('2026-11-20', now)).toEqual(new Date(2026, 10, 20))
  expect(parsePastTime('2026-11-20T08:00', now)).toEqual(new Date(2026, 10, 20, 8))
})

test.each([
  '',
  'yesterday',
  '5',
  '-1h',
  '1y',
  '2026',
  '2026-13-01',
  '2026-02-30',
  '2026-02-29T08:00Z',
  '2026-06-31 08:00',
  '23/11/2026',
  '1h '.repeat(3),
])('“%s” is not a time', (words) => {
  expect(() => parsePastTime(words, now)).toThrow(`--since=${words} is not a valid time`)
})

test('the future is refused', () => {
  expect(() => parsePastTime('2026-11-24T00:00Z', now)).toThrow('is in the future: 2026-11-24T00:00:00.000Z')
})
