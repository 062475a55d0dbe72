import { expect, test } from 'vitest'
import { parseNumber } from '../../../lib/util/number.ts'

test.each([
  ['5', 5],
  ['0', 0],
  ['007', 7],
  ['1.5', 1.5],
  ['99.9999', 99.9999],
])('%j is a number', (text, number) => expect(parseNumber(text)).toBe(number))

test.each([
  ...['', ' ', ' 5 ', '5\n', '+5', '-5', 'Infinity', 'NaN', '1e309', '1e3', '0x10', '0b1', '0o7', '1_000'],
  ...['1,5', '.5', '5.', '1.2.3', '٣', '５', '1n', 'true', '9'.repeat(400)],
])('%j is not', (text) => expect(parseNumber(text)).toBeUndefined())

test('a range includes its ends, a whole number has no fraction', () => {
  const range = { minimum: 1, maximum: 20 }
  expect(['1', '20', '0', '21', '1.5'].map((text) => parseNumber(text, range))).toEqual([
    ...[1, 20, undefined, undefined, 1.5],
  ])
  expect(['1', '1.0', '1.5'].map((text) => parseNumber(text, { ...range, whole: true }))).toEqual([
    ...[1, undefined, undefined],
  ])
})
