import { expect, onTestFinished, test } from 'vitest'
import type { Check, QuickContext } from '../../../../lib/checks/check.ts'
import { quickChecks } from '../../../../lib/checks/quickChecks.ts'
import { frontPage } from '../../../../lib/checks/site/pages.ts'
import { formatPercent, getAvailability } from '../../../../lib/monitoring/slo/sloReport.ts'
import { formatDay } from '../../../../lib/monitoring/statusPage/data.ts'
import {
  compareServices,
  formatDayLabel,
  formatIncidentTitle,
  formatList,
  formatPublicCause,
  getServiceName,
  isVisible,
  parsePublicCauses,
} from '../../../../lib/monitoring/statusPage/labels.ts'
import { barsLegend, monthSection } from '../../../../lib/monitoring/statusPage/sections.ts'
import { hostile } from '../../../support/statusPageFixtures.ts'

test('only targets that visitors use have a public name', () => {
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
    'api-2',
    'api-inner-tool',
    'api-team-plans',
  ]
  expect(ids.filter(isVisible).sort(compareServices).map(getServiceName)).toEqual([
    'Website',
    'API',
    'API: AI',
  ])
  expect(getServiceName('api-team-plans')).toBe('API: Team plans')
})

test.each([
  [['static'], 3, true, 'The website was not working as expected'],
  [['api', 'static', 'api-ai'], 3, false, 'The website and the API are not working as expected'],
  [['api-ai', 'api-treasury'], 3, true, 'The AI and Treasury parts of the API were not working as expected'],
  [
    ['api-ai', 'api-agents', 'api-councils', 'api-workflows', 'static'],
    3,
    true,
    'The website and parts of the API were not working as expected',
  ],
  [['api'], 1, true, 'The API was slower than usual', ['200 in 640 ms, limit 500 ms']],
  [
    ['api-ai', 'api-agents', 'api-councils', 'api-workflows'],
    2,
    false,
    'Parts of the API are slower than usual',
    ['200 in 501 ms, limit 500 ms', '640 ms'],
  ],
  [['static', 'disk'], 2, true, 'The website was impaired', ['/ 91 % used', '200 in 640 ms']],
  [['static', 'api'], 1, false, 'The website and the API are impaired', ['no answer within 200 ms']],
  [['api'], 1, true, 'The API was impaired', []],
  [['database', 'disk', 'https://inner.example', 'api-inner-tool'], 2, true, undefined],
] as const)('%j of rank %d, over: %s: %s', (targets, rank, over, title, causes = []) => {
  expect(formatIncidentTitle(targets, rank, over, causes)).toBe(title)
})

test('a check with any other public name is named like the website and the API', () => {
  const checks = quickChecks as Check<QuickContext>[]
  checks.push({ ...frontPage, id: 'cdn', tags: ['health'], publicName: 'CDN' })
  onTestFinished(() => void checks.pop())
  expect(formatIncidentTitle(['cdn'], 3, true)).toBe('The CDN was not working as expected')
  expect(formatIncidentTitle(['cdn', 'api', 'static'], 2, false)).toBe(
    'The website, the API and the CDN are impaired',
  )
  expect(formatList(['cdn', 'static', 'api', 'api-ai'])).toBe('Website, CDN, API and its part AI')
  expect(formatList(['cdn', 'api-ai'])).toBe('CDN, API: AI')
})

test.each([
  [['503 from https://codexdominion.app/_dominion/health'], 'It answered with an error.'],
  [
    ['https://a.example/health answers 503: no database'],
    'It answered with an error. The database had a problem.',
  ],
  [['no answer within 10 s'], 'No answer came in time.'],
  [['getaddrinfo ENOTFOUND secret.host'], 'Its name could not be resolved.'],
  [['certificate has expired'], 'No secure connection could be established.'],
  [['200 in 512 ms, limit 500 ms'], 'Answers took too long.'],
  [['404', '404', '200 in 512 ms, limit 500 ms'], 'It did not find the requested page.'],
  [['something nobody has thought of at /srv/x'], ''],
  // A name in an address, a port, another check's name: none of them is a cause.
  [['https://tls-shop.example/: connect ECONNREFUSED 127.0.0.1:443'], 'No connection could be established.'],
  [['https://tls.example/ is not a page', 'for the same reason as certificate'], ''],
  [[hostile], 'No connection could be established.'],
] as const)('%s', (causes, words) => {
  expect(formatPublicCause(causes)).toBe(words)
})

test('extracts the causes of visible targets, without their names, from an incident', () => {
  const line = 'certificate, tls and static refused; containers backend was restarted; disk / 91 % used'
  expect(parsePublicCauses('static, api and 5 more connect ECONNREFUSED; tls expired; redis no')).toEqual([
    'connect ECONNREFUSED',
  ])
  expect(parsePublicCauses('certificate, static connection refused')).toEqual(['connection refused'])
  expect(formatPublicCause(parsePublicCauses(line))).toBe('')
  expect(formatPublicCause(parsePublicCauses('certificate, static refused; containers was restarted'))).toBe(
    'No connection could be established.',
  )
})

test('formats percentages and days', () => {
  expect([100, 99.9999999, 99.9, 0, 98.12345].map(formatPercent)).toEqual([
    ...['100 %', '99.999 %', '99.900 %', '0.000 %', '98.123 %'],
  ])
  // Sums for which (100 × up) ÷ up is not exactly 100.
  const ups = Array.from({ length: 2000 }, (_, index) => (index * 7919 + 1) / 60_000)
  expect(new Set(ups.map((up) => formatPercent(getAvailability({ up, down: 0 })!)))).toEqual(
    new Set(['100 %']),
  )
  expect(formatDayLabel('2026-03-01')).toBe('1 Mar 2026')
})

test('the objective is missed when its budget is overdrawn, as in slo', () => {
  const row = {
    id: 'site',
    name: 'site',
    percent: 99.6,
    down: 5,
    notKnown: 0,
    p50: null,
    p95: null,
    p99: null,
  }
  const month = (left: number) =>
    monthSection({
      ...{ from: 0, to: 30 * 86_400_000, goal: 99.9, rows: [row] },
      budget: { total: 5 + left, used: 5, left },
    })
  expect(month(38)).not.toContain('missed')
  expect(month(0)).not.toContain('missed')
  expect(month(-0.1)).toContain('objective: <data value="99.9">99.9 %</data>, missed')
})

test('a day counts as down when at least half of its known time was down', () => {
  const kind = (up: number, down: number) =>
    formatDay({
      day: '2026-11-23',
      percent: up + down > 0 ? (100 * up) / (up + down) : null,
      minutes: { up, warning: 0, down, keptOut: 0, notKnown: 1440 - up - down, ahead: 0 },
    }).kind
  expect([kind(0, 0), kind(10, 0), kind(10, 9), kind(10, 10), kind(0, 1)]).toEqual([
    ...['none', 'up', 'partly', 'down', 'down'],
  ])
  expect(barsLegend).toContain('down for at least half of the known time')
})
