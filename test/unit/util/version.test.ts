import { expect, test } from 'vitest'
import { isAtLeast } from '../../../lib/util/semver.ts'

test.each([
  ['2.44.1', '2.45.0', false],
  ['2.9.0', '2.45.0', false],
  ['1.99.9', '2.0.0', false],
  ['2.45.0', '2.45.0', true],
  ['2.45', '2.45.0', true],
  ['2.45', '2.45.1', false],
  ['2.45.1', '2.45.0', true],
  ['2.100.0', '2.45.0', true],
  ['3.0', '2.45.0', true],
  ['2.46.0b1', '2.45.0', true],
  ['1.25.1-9+deb12u2', '1.25.1', true],
  ['1.26', '1.25.1', true],
  ['', '1.25.1', false],
])('%s is at least %s: %s', (version, wanted, answer) => {
  expect(isAtLeast(version, wanted)).toBe(answer)
})
