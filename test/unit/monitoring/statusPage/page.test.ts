import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseHTML } from 'linkedom'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  buildDailyBars,
  buildSloReport,
  getTerms,
  type SloReport,
} from '../../../../lib/monitoring/slo/sloReport.ts'
import { buildStatusView, getMonthRange } from '../../../../lib/monitoring/statusPage/data.ts'
import { renderStatusPage } from '../../../../lib/monitoring/statusPage/page.ts'
import type { StatusView } from '../../../../lib/monitoring/statusPage/types.ts'
import { readHistory } from '../../../../lib/monitoring/store/store.ts'
import { loadFileConfig } from '../../../support/config.ts'
import { createHistory, day, hostile } from '../../../support/statusPageFixtures.ts'

const home = mkdtempSync(path.join(tmpdir(), 'dominion-status-page-'))
afterAll(() => rmSync(home, { recursive: true }))

const config = await loadFileConfig()
const now = Date.parse('2026-11-23T12:00:00Z')
const hour = 3_600_000
const outage = { from: now - 3 * day, to: now - 3 * day + 2 * hour }
const file = path.join(home, 'health.sqlite')

let view: StatusView
let report: SloReport
let bars: ReturnType<typeof buildDailyBars>
let html: string
let document: ReturnType<typeof parseHTML>['document']

beforeAll(async () => {
  await createHistory(file, {
    from: now - 60 * day,
    to: now - 60_000,
    every: (at) => (at > now - day ? 300_000 : hour),
    stretches: [
      { ...outage, targets: ['api', 'database'], verdict: 'CRITICAL' },
      { from: now - 9 * day, to: now - 9 * day + 40 * hour, targets: ['static'], verdict: 'CRITICAL' },
      {
        from: now - 5 * day,
        to: now - 5 * day + hour,
        targets: ['static'],
        verdict: 'WARNING',
        cause: '640 ms',
      },
      { from: now - 2 * day, to: now - 2 * day + hour, targets: ['queue'], verdict: 'CRITICAL' },
      {
        from: now - 7200_000,
        to: now - 3600_000,
        targets: ['api'],
        verdict: 'CRITICAL',
        excluded: 'maintenance',
      },
    ],
    gaps: [{ from: now - 20 * day, to: now - 18 * day }],
    planned: [
      {
        id: 'r1',
        kind: 'deploy',
        from: now - day,
        to: now - day + 95_000,
        what: 'deploy-complete by anna@desk',
      },
      { id: 'm1', kind: 'maintenance', from: now - 7200_000, to: now - 3600_000, what: hostile },
    ],
  })
  const history = await readHistory(file)
  view = buildStatusView(history, config, now)
  report = buildSloReport(history, getTerms(config), { ...getMonthRange(now), now })
  bars = buildDailyBars(history, { days: 90, now })
  history.close()
  html = (await renderStatusPage(view)).html
  document = parseHTML(html).document
}, 60_000)

const valueIn = (selector: string): number => Number(document.querySelector(selector)?.getAttribute('value'))

test('the page is valid HTML', async () => {
  const { HtmlValidate } = await import('html-validate')
  const validate = new HtmlValidate({
    extends: ['html-validate:recommended', 'html-validate:document', 'html-validate:a11y'],
    // The plots' library writes styles into its elements; the spelling of the doctype is a matter of taste.
    rules: { 'no-inline-style': 'off', 'doctype-style': 'off' },
  })
  const { results } = await validate.validateString(html)
  expect(
    results.flatMap(({ messages }) => messages.map(({ message, line }) => `${line}: ${message}`)),
  ).toEqual([])
})

test('the page shows the exact figures of the report', () => {
  expect(report.site!.minutes.down).toBeGreaterThan(60)
  expect(valueIn('.tiles strong data')).toBe(report.site!.percent)
  const budget = [...document.querySelectorAll('.tiles .card:last-child data')]
  expect(budget.map((each) => Number(each.getAttribute('value')))).toEqual([
    ...[report.site!.budget.left, report.site!.budget.used, report.site!.budget.total],
  ])
  const shown = report.targets.filter(({ target }) => /^(static|api)/.test(target))
  expect(shown).toHaveLength(7)
  for (const { target, percent, latency } of shown) {
    expect(valueIn(`[data-part="${target}"] data`)).toBe(percent)
    const times = [...document.querySelectorAll(`[data-times="${target}"] data`)]
    expect(times.map((each) => Number(each.getAttribute('value')))).toEqual([
      ...[latency!.p50, latency!.p95, latency!.p99],
    ])
  }
})

test('the page has one bar with text per day, and a table of the days with a fault', () => {
  const lists = [...document.querySelectorAll('ol.bars')]
  expect(lists.map((list) => list.getAttribute('aria-label'))).toEqual(
    [
      ...['Whole site', 'Website', 'API', 'API: AI', 'API: Agents', 'API: Councils', 'API: Treasury'],
      'API: Workflows',
    ].map((name) => `${name}, day by day`),
  )
  const getWords = (list: (typeof lists)[number]) =>
    [...list.querySelectorAll('li')].map((each) => each.textContent)
  const site = getWords(lists[0]!)
  expect(site).toHaveLength(90)
  const counted = (what: RegExp) => site.filter((each) => what.test(each)).length
  expect(counted(/: no data$/)).toBe(bars.site.filter(({ percent }) => percent === null).length)
  expect(counted(/: no data$/)).toBeGreaterThan(29)
  // 14 November counts from noon on, so it is half a day.
  expect(counted(/: down, /)).toBe(2)
  expect(counted(/: partly down, /)).toBe(2)
  expect(site).toContain('20 Nov 2026: partly down, 2 h; 91.666 % available')
  expect(getWords(lists[1]!)).toContain('18 Nov 2026: up, slower than expected for 1 h')
  expect(document.querySelector('details table')!.textContent).toContain('20 Nov 2026API2 h91.666 %')
})

test('the page lists visible incidents, deploys and maintenances by time, in public words', () => {
  const items = (id: string) =>
    [...document.querySelectorAll(`section[aria-labelledby=${id}] li`)].map((each) =>
      each.textContent.replaceAll(/\s+/g, ' ').trim(),
    )
  expect(items('incidents')).toEqual([
    'The API was not working as expected 20 Nov 2026, 12:00 UTC to 14:00 UTC (2 h) No connection could be established.',
    'The website was slower than usual 18 Nov 2026, 12:00 UTC to 13:00 UTC (1 h) Answers took too long.',
    'The website was not working as expected 14 Nov 2026, 12:00 UTC to 16 Nov 2026, 04:00 UTC (1 d 16 h) No connection could be established.',
  ])
  expect(items('works')).toEqual([
    'Planned maintenance 23 Nov 2026, 10:00 UTC to 11:00 UTC (1 h)',
    'Deploy 22 Nov 2026, 12:00 UTC to 12:01 UTC (1 min 35 s)',
  ])
})

test('the page contains nothing private, no script and no external resource', () => {
  for (const word of ['alert(1)', 'ECONN', '10.1.2.3', 'postgres', 'inner.example', 'anna', '8443', 'queue'])
    expect(html).not.toContain(word)
  expect(html).not.toMatch(/<script|\son\w+=|javascript:|@import|url\(/i)
  // The namespace of SVG is a name, not an address.
  const addresses = [...html.matchAll(/(?:src|href|action)="([^"]*)"/g)].map((match) => match[1]!)
  expect(addresses.filter((each) => !each.startsWith('data:image/svg+xml,'))).toEqual([
    ...['https://codexdominion.app/status/', '/'],
  ])
})

test('hostile text is escaped', async () => {
  const text = '"><script>alert(1)</script>'
  const { html } = await renderStatusPage({
    ...view,
    domain: text,
    headline: { ...view.headline, title: text, text },
    parts: view.parts.map((part) => ({ ...part, name: text, id: text })),
    latency: view.latency.map((each) => ({ ...each, name: text, id: text })),
    incidents: [{ title: text, cause: text, start: now - hour, end: undefined }],
    month: { ...view.month, rows: view.month.rows.map((row) => ({ ...row, name: text, id: text })) },
  })
  expect(html).not.toContain('<script')
  const { document } = parseHTML(html)
  expect(document.querySelector('h1')!.textContent).toBe(text)
  expect(document.querySelector('svg[role=img] title')!.textContent).toContain(text)
})

test('charts have a title and a description, and gaps where nothing was measured', () => {
  const plots = [...document.querySelectorAll('svg[role=img]')]
  expect(plots).toHaveLength(2)
  for (const plot of plots) {
    expect(plot.querySelector('desc')!.textContent).toMatch(/The median was between \d+ ms and \d+ ms/)
    const line = plot.querySelector('g[aria-label=line] path')!.getAttribute('d')!
    expect(line.match(/M/g)!.length).toBeGreaterThan(1)
  }
})

test('the digest changes with the content only; the page shows when it was generated', async () => {
  const [page, later, worse] = await Promise.all([
    renderStatusPage(view),
    renderStatusPage({ ...view, madeAt: view.madeAt + 600_000 }),
    renderStatusPage({ ...view, headline: { ...view.headline, level: 'down', title: 'Down' } }),
  ])
  expect(later.digest).toBe(page.digest)
  expect(later.html).not.toBe(page.html)
  expect(later.html).toContain(
    'Generated <time datetime="2026-11-23T12:10:00.000Z">23 Nov 2026, 12:10 UTC</time>',
  )
  expect(worse.digest).not.toBe(page.digest)
  expect(page.html).toContain(`<meta name="dominion-status" content="${page.digest}">`)
})

test('long after the last check nothing is reported as working', async () => {
  const history = await readHistory(file)
  const old = buildStatusView(history, config, now + 2 * day)
  history.close()
  expect(old.headline).toMatchObject({
    level: 'unknown',
    seenAt: now - 60_000 - ((60 * day - 60_000) % 300_000),
  })
  expect(new Set(old.parts.map((part) => part.now))).toEqual(new Set(['unknown']))
  const { html } = await renderStatusPage(old)
  expect(html).toContain('Last checked <time datetime="2026-11-23T11:5')
})
