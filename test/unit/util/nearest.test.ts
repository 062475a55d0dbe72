import { expect, test } from 'vitest'
import { findNearest } from '../../../lib/util/suggest.ts'

const scripts = ['deploy-complete', 'provision', 'build-image', 'release-containers', 'rehearse']

test.each([
  ['deploy-complet', 'deploy-complete'],
  ['Deploy-Complete', 'deploy-complete'],
  ['provison', 'provision'],
  ['relase-container', 'release-containers'],
  ['rehearsal', 'rehearse'],
])('%s means %s', (typed, meant) => {
  expect(findNearest(typed, scripts)).toBe(meant)
})

test.each(['', 'x', 'nginx', 'completely-different', 'constructor'])('%j means none of them', (typed) => {
  expect(findNearest(typed, scripts)).toBeUndefined()
})

test('an empty list has no nearest name', () => {
  expect(findNearest('x', [])).toBeUndefined()
})
