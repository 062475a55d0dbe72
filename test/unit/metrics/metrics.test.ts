import { parseHTML } from 'linkedom'
import { expect, test } from 'vitest'
import { type MetricId, metricIds, metricNames, type Point, type Span } from '../../../lib/azure/metrics.ts'
import { formatAmount, formatMetrics, toMetricsJson } from '../../../lib/metrics/formatMetrics.ts'
import { renderMetricsPage } from '../../../lib/metrics/page.ts'
import { readUsage, summarize } from '../../../lib/metrics/usage.ts'
import { getExitCode } from '../../../lib/util/concurrency.ts'
import { fakeAz } from '../../support/fakeAz.ts'
import { getFailure } from '../../support/helpers.ts'

const from = new Date('2026-11-23T12:00:00Z')
const span: Span = { from, to: new Date('2026-11-23T12:04:00Z'), interval: 'PT1M' }
const point = (minute: number, average: number | null, spread = 0): Point => ({
  at: new Date(from.getTime() + minute * 60_000),
  average,
  minimum: average === null ? null : average - spread,
  maximum: average === null ? null : average + spread,
})

const group = (name: string) => ({
  name,
  containers: [{ name, image: 'i', resources: { requests: { cpu: 2, memoryInGb: 4 } } }],
})
const account = {
  match: /^account show/,
  stdout: '{"id":"sub","name":"s","tenantId":"t","user":{"name":"u"}}',
}
const list = (...names: string[]) => ({ match: /^container list/, stdout: JSON.stringify(names.map(group)) })
const measured = (values: Record<MetricId, (number | null)[]>): string =>
  JSON.stringify({
    value: metricIds.map((id) => ({
      name: { value: metricNames[id] },
      timeseries: [
        {
          data: values[id].map((average, index) => ({
            timeStamp: new Date(from.getTime() + index * 60_000).toISOString(),
            ...(average === null ? {} : { average, minimum: average / 2, maximum: average * 2 }),
          })),
        },
      ],
    })),
  })
const some = { cpu: [100, null, 300], memory: [1024 ** 3], received: [2000], sent: [null, 0] }
const none = { cpu: [], memory: [null], received: [], sent: [] }

test('minimum, mean, maximum and last ignore gaps', () => {
  expect(summarize([point(0, 10, 5), point(1, null), point(2, 30, 1), point(3, null)])).toEqual({
    minimum: 5,
    average: 20,
    maximum: 31,
    last: 30,
    lastAt: new Date('2026-11-23T12:02:00Z'),
  })
  expect(summarize([point(0, null)])).toBeUndefined()
})

test('a group without measurements and a missing one do not affect the others', async () => {
  const { context } = await fakeAz(
    account,
    list('codex-backend', 'codex-backend-next'),
    { match: /codex-backend\/.*metricnames/, stdout: measured(some) },
    { match: /codex-backend-next\/.*metricnames/, stdout: measured(none) },
  )
  const answers = await readUsage(context, span)
  expect(Object.keys(answers)).toEqual(['codex-backend', 'codex-worker', 'codex-backend-next'])
  const text = formatMetrics(answers, span, false)
  expect(text).toMatch(
    /codex-backend {2}CPU +50 m +200 m +600 m +300 m +10\.0 % +30\.0 % {2}- @\n {2}2 CPU, 4 GB {2}Memory +512 MiB +1 GiB +2 GiB +1 GiB +25\.0 % +50\.0 %/,
  )
  expect(text).toMatch(/Network out +0 B\/s/)
  expect(text).toContain('✖ codex-worker: Container group codex-worker does not exist')
  expect(text).toContain(
    '✖ codex-backend-next: No measurements for codex-backend-next since 2026-11-23T12:00',
  )
  expect(getExitCode(answers)).toBe(1)
  const data = JSON.parse(JSON.stringify(toMetricsJson(answers, span)))
  expect(data).toMatchObject({
    ok: false,
    failures: [{ name: 'codex-worker' }, { name: 'codex-backend-next' }],
  })
  expect(data.groups[0].metrics.cpu).toMatchObject({
    unit: 'millicores',
    allowed: 2000,
    summary: { average: 200 },
  })
  expect(data.groups[0].metrics.cpu.points[1]).toEqual({
    at: '2026-11-23T12:01:00.000Z',
    average: null,
    minimum: null,
    maximum: null,
  })
})

test('without any group, the error says what to do', async () => {
  const { context } = await fakeAz(account, { match: /^container list/, code: 3 })
  expect(await getFailure(readUsage(context, span))).toMatchObject({
    what: 'The resource group codexdominion-prod has no container groups',
    next: expect.stringContaining('deploy-complete'),
  })
})

test('an expired login has its own exit code', async () => {
  const { context } = await fakeAz({
    match: /./,
    code: 1,
    stderr: "Please run 'az login' to setup account.",
  })
  expect(await getFailure(readUsage(context, span))).toMatchObject({
    exitCode: 4,
    next: expect.stringContaining('az login'),
  })
})

test('the page has titled charts, tables with dashes for gaps, and no external resource', async () => {
  const { context } = await fakeAz(account, list('codex-backend', 'codex-worker'), {
    match: /metricnames/,
    stdout: measured(some),
  })
  const html = await renderMetricsPage(await readUsage(context, span), span, 'a <b> & co')
  const { document } = parseHTML(html)
  const charts = [...document.querySelectorAll('figure > svg')]
  expect(charts.map((chart) => chart.querySelector('title')?.textContent)).toEqual(
    ['codex-backend', 'codex-worker'].flatMap((name) =>
      ['CPU', 'Memory', 'Network'].map((what) => `${what} of ${name}`),
    ),
  )
  expect(charts[0]?.querySelector('desc')?.textContent).toBe(
    'CPU: 50 m to 600 m (30.0 % of the limit), 200 m on average, 300 m last.',
  )
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  const rows = [...document.querySelectorAll('details tbody tr')].map(({ textContent }) => textContent)
  expect(rows.slice(0, 4)).toEqual(['12:00100 m1 GiB2 kB/s–', '12:01–––0 B/s', '12:02300 m–––', '12:03––––'])
  expect(document.querySelector('h1')?.textContent).toBe('Container metrics, a <b> & co')
  expect(html).not.toMatch(/<script|src=|https?:|NaN|undefined/)
})

test.each<[MetricId, number, string]>([
  ['cpu', 0.6667, '0.667 m'],
  ['cpu', 1999.6, '2000 m'],
  ['memory', 1023.99 * 1024, '1 MiB'],
  ['memory', 4 * 1024 ** 3, '4 GiB'],
  ['received', 999.9, '1 kB/s'],
  ['sent', 0, '0 B/s'],
])('%s %d is formatted as %s', (metric, figure, words) => expect(formatAmount(metric, figure)).toBe(words))
