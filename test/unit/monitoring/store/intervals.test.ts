import { expect, test } from 'vitest'
import {
  combine,
  exclude,
  getValidity,
  type Segment,
  toSegments,
} from '../../../../lib/monitoring/store/intervals.ts'
import { decodeLatencies, encodeLatencies } from '../../../../lib/monitoring/store/rollups.ts'
import { hour, minute } from '../../../support/historyFixtures.ts'

const now = 1000 * hour
/** Times before `now`, newest first, from the intervals between them in minutes. */
function earlier(...distances: number[]): number[] {
  let at = now
  return distances.map((distance) => {
    at -= distance * minute
    return at
  })
}
const times = (count: number, distance: number): number[] => Array<number>(count).fill(distance)

test.each([
  ['the first look', [], 5],
  ['every minute', times(10, 1), 5],
  ['every five minutes', times(10, 5), 15],
  ['every quarter of an hour', times(10, 15), 45],
  ['once a day', times(10, 1440), 180],
  ['a gap in the night', [5, 5, 480, 5, 5, 5, 5, 5, 5, 5], 15],
  ['two checkers at the same time', [10, 0, 10, 0, 10, 0, 10, 0, 10, 0], 30],
  ['five runs by hand in between', [15, 0.1, 0.1, 0.1, 0.1, 0.1, 15, 15, 15, 15], 45],
  ['ten runs by hand', times(10, 0.1), 5],
  ['an older schedule does not count', [...times(10, 5), ...times(50, 60)], 15],
  ['four looks so far', [10, 10, 10, 20], 60],
])('a sample is valid for three times the usual interval: %s', (_, distances, minutes) => {
  expect(getValidity(now, earlier(...distances)) / minute).toBe(minutes)
})

const stretches = (segments: readonly Segment[]): string =>
  segments.map(({ from, to, state }) => `${from}-${to} ${state}`).join(', ')

test('a sample is valid until the next one or its own limit; UNKNOWN counts as unknown', () => {
  const segments = toSegments([
    { at: 0, holds: 30, state: 'ok' },
    { at: 10, holds: 30, state: 'down' },
    { at: 20, holds: 30, state: undefined },
    { at: 30, holds: 30, state: 'warning' },
    { at: 100, holds: 30, state: 'down' },
    { at: 100, holds: 30, state: 'ok' },
  ])
  expect(stretches(segments)).toBe('0-10 ok, 10-20 down, 30-60 warning, 100-130 ok')
})

test('planned periods exclude known time', () => {
  const segments = toSegments([
    { at: 0, holds: 50, state: 'ok' },
    { at: 50, holds: 50, state: 'down' },
    { at: 200, holds: 10, state: 'ok' },
  ])
  const planned = [
    { from: 10, to: 20 },
    { from: 40, to: 60 },
    { from: 90, to: 205 },
  ]
  expect(stretches(exclude(segments, planned))).toBe(
    '0-10 ok, 10-20 keptOut, 20-40 ok, 40-50 keptOut, 50-60 keptOut, 60-90 down, 90-100 keptOut, 200-205 keptOut, 205-210 ok',
  )
})

test('the site is down while a part is down, and known while both parts are known', () => {
  const a: Segment[] = [
    { from: 0, to: 40, state: 'ok' },
    { from: 50, to: 60, state: 'down' },
    { from: 70, to: 90, state: 'keptOut' },
  ]
  const b: Segment[] = [
    { from: 10, to: 20, state: 'ok' },
    { from: 20, to: 30, state: 'warning' },
    { from: 30, to: 35, state: 'down' },
    { from: 35, to: 80, state: 'ok' },
    { from: 80, to: 95, state: 'down' },
  ]
  expect(stretches(combine(a, b))).toBe(
    '10-20 ok, 20-30 warning, 30-35 down, 35-40 ok, 50-60 down, 70-80 keptOut, 80-90 down, 90-95 down',
  )
})

test('encoded latencies are decoded unchanged', () => {
  const values = [0, 0, 127, 128, 500, 74, 3_600_000, 2 ** 40, 129, 128]
  const back: number[] = []
  decodeLatencies(encodeLatencies(values), back)
  expect(back).toEqual(values.toSorted((a, b) => a - b))
  const steady = Array.from({ length: 60 }, (_, index) => 70 + (index % 13))
  expect(encodeLatencies(steady).length).toBe(60)
})
