import { expect, test } from 'vitest'
import {
  getCondition,
  getHeadline,
  type LastSeen,
  siteCondition,
} from '../../../../lib/monitoring/statusPage/headline.ts'

const now = Date.parse('2026-11-23T12:00:00Z')
const minute = 60_000

const seen = (verdict: LastSeen['verdict'], targets: string[], rest: Partial<LastSeen> = {}): LastSeen[] =>
  targets.map((target) => ({
    ...{ target, verdict, at: now - minute, until: now + 14 * minute, keptOut: false },
    ...rest,
  }))
const of = (newest: LastSeen[], rest: Partial<Parameters<typeof getHeadline>[0]> = {}) =>
  getHeadline({ now, newest, failing: [], awaited: [], maintenance: false, ...rest })
const all = ['static', 'api', 'api-ai']

test.each<[string, ReturnType<typeof of>, string, RegExp]>([
  ['no check yet', of([]), 'unknown', /^No data yet: No checks have run/],
  ['extra targets alone', of(seen('OK', ['https://a.example', 'queue'])), 'unknown', /^No data yet/],
  ['everything works', of(seen('OK', all)), 'works', /^Everything works/],
  [
    'too old',
    of(seen('OK', all, { at: now - 60 * minute, until: now - 45 * minute })),
    'unknown',
    /^No data since 23 Nov 2026, 11:00 UTC: No check has run since then. Its result was: “Everything works”/,
  ],
  [
    'exactly when the samples expire',
    of(seen('CRITICAL', all, { until: now })),
    'unknown',
    /^No data since .*“A check has just failed”/,
  ],
  [
    'an area that is no longer checked',
    of([...seen('OK', ['static', 'api']), ...seen('OK', ['api-ai'], { until: now - minute })]),
    'works',
    /^Everything that could be checked works: Currently unknown: API: AI\.$/,
  ],
  [
    'the network of this machine is down',
    of(seen('UNKNOWN', all, { keptOut: true })),
    'unknown',
    /^Currently unknown: The last check was inconclusive/,
  ],
  [
    'slow',
    of([...seen('OK', ['static']), ...seen('WARNING', ['api'])]),
    'slow',
    /slower than usual: API: slower/,
  ],
  [
    'one bad run, not yet an incident',
    of([...seen('OK', ['static']), ...seen('CRITICAL', ['api'])]),
    'trouble',
    /^A check has just failed: API: failed\. Further checks/,
  ],
  [
    'an outage',
    of([...seen('OK', ['static']), ...seen('CRITICAL', ['api'])], {
      failing: ['api'],
    }),
    'down',
    /^The API is not working as expected: API: failed the last check/,
  ],
  [
    'an outage of one area',
    of([...seen('OK', ['static', 'api']), ...seen('CRITICAL', ['api-ai'])], {
      failing: ['api-ai'],
    }),
    'trouble',
    /^The AI part of the API is not working as expected/,
  ],
  [
    'an outage that is recovering',
    of(seen('OK', all), { failing: ['static', 'api'], awaited: ['static', 'api'] }),
    'slow',
    /^The website and the API are recovering: The last check succeeded; the outage ends/,
  ],
  [
    'an outage of which one target has recovered',
    of([...seen('OK', ['static', 'api-ai']), ...seen('CRITICAL', ['api'])], {
      failing: ['static', 'api'],
      awaited: ['static'],
    }),
    'down',
    /^The API is not working as expected: API: failed the last check/,
  ],
  [
    'several areas with the API',
    of([...seen('OK', ['static']), ...seen('CRITICAL', ['api', 'api-ai', 'api-agents'])]),
    'trouble',
    /^A check has just failed: API and its parts AI, Agents: failed\./,
  ],
  [
    'an outage that is over for visitors while its incident is open',
    of(seen('OK', all), { failing: ['static', 'api'] }),
    'works',
    /^Everything works/,
  ],
  [
    'maintenance',
    of(seen('CRITICAL', all, { keptOut: true }), { maintenance: true }),
    'planned',
    /^Planned maintenance/,
  ],
  [
    'maintenance with inconclusive probes',
    of(seen('UNKNOWN', all, { keptOut: true }), { maintenance: true }),
    'planned',
    /^Planned maintenance/,
  ],
  [
    'maintenance, but the samples have expired',
    of(seen('CRITICAL', all, { keptOut: true, until: now - minute }), { maintenance: true }),
    'unknown',
    /^No data since .*“Planned maintenance”/,
  ],
  [
    'a deploy explains the fault',
    of([...seen('OK', ['static']), ...seen('CRITICAL', ['api'], { keptOut: true })]),
    'planned',
    /^A new release is being deployed: API: not available/,
  ],
])('%s', (_name, { level, title, text }, wanted, words) => {
  expect(`${title}: ${text}`).toMatch(words)
  expect(level).toBe(wanted)
})

test('the site has the worse condition of its pages and its API', () => {
  const site = (page: LastSeen['verdict'], api: LastSeen['verdict']) =>
    siteCondition([...seen(page, ['static']), ...seen(api, ['api']), ...seen('CRITICAL', ['api-ai'])], now)
  expect([site('OK', 'OK'), site('OK', 'WARNING'), site('UNKNOWN', 'WARNING')]).toEqual([
    ...['works', 'slow', 'unknown'],
  ])
  expect([site('CRITICAL', 'UNKNOWN'), siteCondition([], now)]).toEqual(['down', 'unknown'])
  expect(getCondition(undefined, now)).toBe('unknown')
  const explained = seen('CRITICAL', ['api'], { keptOut: true })
  expect(siteCondition([...seen('UNKNOWN', ['static']), ...explained], now)).toBe('planned')
  expect(siteCondition([...seen('CRITICAL', ['static']), ...explained], now)).toBe('down')
})
