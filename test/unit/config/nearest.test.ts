import { expect, test } from 'vitest'
import { nearest } from '../../../lib/util/suggest.ts'

const scripts = ['deploy-complete', 'provision', 'build-image', 'release-containers', 'rehearse']

test.each([
  ['deploy-complet', 'deploy-complete'],
  ['Deploy-Complete', 'deploy-complete'],
  ['provison', 'provision'],
  ['relase-container', 'release-containers'],
  ['rehearsal', 'rehearse'],
])('%s means %s', (typed, meant) => {
  expect(nearest(typed, scripts)).toBe(meant)
})

test.each(['', 'x', 'nginx', 'completely-different', 'constructor'])('%j means none of them', (typed) => {
  expect(nearest(typed, scripts)).toBeUndefined()
})

test('of nothing, nothing is nearest', () => {
  expect(nearest('x', [])).toBeUndefined()
})
