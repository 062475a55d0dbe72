import { expect, test } from 'vitest'
import { parseFutureTime } from '../../../lib/util/time.ts'

const now = new Date(2026, 10, 23, 3, 15)
const read = (words: string) => parseFutureTime('--until', words, now)

test('a duration from now, a time of day, a date and time', () => {
  expect(read('30m').getTime() - now.getTime()).toBe(30 * 60_000)
  expect(read('2h').getTime() - now.getTime()).toBe(2 * 3_600_000)
  expect(read('03:30')).toEqual(new Date(2026, 10, 23, 3, 30))
  expect(read('3:15')).toEqual(new Date(2026, 10, 24, 3, 15))
  expect(read('2027-01-02T03:04Z').toISOString()).toBe('2027-01-02T03:04:00.000Z')
  expect(read('2027-01-02T03:04+02:00').toISOString()).toBe('2027-01-02T01:04:00.000Z')
  expect(read('2027-01-02T03:04')).toEqual(new Date(2027, 0, 2, 3, 4))
  expect(read('2027-01-02')).toEqual(new Date(2027, 0, 2))
})

test('an invalid or past time is refused, naming its flag', () => {
  for (const words of ['', 'soon', '0m', '90', '-5m', '24:00', '3:5', '2027', '2027-13-01', '5 May 2027']) {
    expect(() => read(words), words).toThrow(`--until=${words} is not a valid time`)
  }
  expect(() => read('2026-11-22T03:30Z')).toThrow('--until=2026-11-22T03:30Z is in the past')
})
