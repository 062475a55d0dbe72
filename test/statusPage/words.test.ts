import { expect, test } from 'vitest'
import { availabilityOf, perCent } from '../../lib/slo/figures.ts'
import { dayOf } from '../../lib/statusPage/facts.ts'
import {
  byImportance,
  causeWords,
  dayWords,
  duration,
  isVisible,
  nameOf,
  troubleTitle,
} from '../../lib/statusPage/words.ts'
import { hostile } from './made.ts'

test('only what visitors use has a public name', () => {
  const ids = [
    'api-ai',
    'queue',
    'api',
    'https://inner.example/',
    'static',
    'api-<b>',
    'api-',
    'API',
    'api-a_b',
  ]
  expect(ids.filter(isVisible).sort(byImportance).map(nameOf)).toEqual(['Website', 'API', 'API: AI'])
  expect(nameOf('api-team-plans')).toBe('API: Team plans')
  expect(isVisible(`api-${'x'.repeat(40)}`)).toBe(false)
})

test.each([
  [['static'], 3, true, 'The website did not work as expected'],
  [['api', 'static', 'api-ai'], 3, false, 'The website and the API do not work as expected'],
  [['api-ai', 'api-treasury'], 3, true, 'The AI and Treasury parts of the API did not work as expected'],
  [
    ['api-a', 'api-b', 'api-c', 'api-d', 'static'],
    3,
    true,
    'The website and parts of the API did not work as expected',
  ],
  [['api'], 1, true, 'The API was slower than usual'],
  [['api-a', 'api-b', 'api-c', 'api-d'], 2, false, 'Parts of the API are slower than usual'],
  [['database', 'disk', 'https://inner.example'], 2, true, undefined],
] as const)('%j of rank %d, over: %s', (targets, rank, over, title) => {
  expect(troubleTitle(targets, rank, over)).toBe(title)
})

test.each([
  ['503 from https://codexdominion.app/_dominion/health', [], 'It answered with an error.'],
  ['no answer within 10 s', ['database'], 'No answer came in time. Behind it the database had a problem.'],
  ['getaddrinfo ENOTFOUND secret.host', [], 'Its name could not be found.'],
  ['certificate has expired', [], 'No secure connection could be made.'],
  ['640 ms', ['redis', 'queue'], 'Answers took too long. Behind it the job queue had a problem.'],
  ['something nobody has thought of at /srv/x', ['disk'], ''],
  [hostile, [], 'No connection could be made.'],
] as const)('%s', (cause, targets, words) => {
  expect(causeWords(cause, targets)).toBe(words)
})

test('stretches, shares and days', () => {
  expect([0.4, 1, 59.4, 60, 65, 1440, 1445, 3000].map(duration)).toEqual([
    ...['under a minute', '1 min', '59 min', '1 h', '1 h 5 min', '1 d', '1 d', '2 d 2 h'],
  ])
  expect([100, 99.9999999, 99.9, 0, 98.12345].map(perCent)).toEqual([
    ...['100 %', '99.999 %', '99.900 %', '0.000 %', '98.123 %'],
  ])
  // Sums for which (100 × up) ÷ up misses 100.
  const ups = Array.from({ length: 2000 }, (_, index) => (index * 7919 + 1) / 60_000)
  expect(new Set(ups.map((up) => perCent(availabilityOf({ up, down: 0 })!)))).toEqual(new Set(['100 %']))
  expect(dayWords('2026-03-01')).toBe('1 Mar 2026')
})

test('a day is down from half of its known time on', () => {
  const kind = (up: number, down: number) =>
    dayOf({
      day: '2026-11-23',
      state: 'down',
      percent: up + down > 0 ? (100 * up) / (up + down) : null,
      minutes: { up, warning: 0, down, keptOut: 0, notKnown: 1440 - up - down, ahead: 0 },
    }).kind
  expect([kind(0, 0), kind(10, 0), kind(10, 9), kind(10, 10), kind(0, 1)]).toEqual([
    ...['none', 'up', 'partly', 'down', 'down'],
  ])
})
