import { expect, test } from 'vitest'
import { metricsCommand, parseMetrics, type Span, spanSince } from '../../../lib/azure/metrics.ts'
import { getFailure } from '../../support/helpers.ts'

const span: Span = {
  from: new Date('2026-11-23T12:00:00Z'),
  to: new Date('2026-11-23T12:04:30Z'),
  interval: 'PT1M',
}
const names = ['CpuUsage', 'MemoryUsage', 'NetworkBytesReceivedPerSecond', 'NetworkBytesTransmittedPerSecond']
type Datum = { timeStamp: string; average?: number | null; minimum?: number | null; maximum?: number | null }
const reply = (data: Datum[], more: object = {}): string =>
  JSON.stringify({
    value: names.map((value) => ({ name: { value }, errorCode: 'Success', timeseries: [{ data }], ...more })),
  })

test('the exact command: ARM queried by az rest, the same for every az', () => {
  const id =
    '/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerInstance/containerGroups/codex-worker'
  const { argv, effect, accept } = metricsCommand(id, span)
  expect(argv).toEqual([
    ...['az', 'rest', '--method', 'get', '--url'],
    `https://management.azure.com${id}/providers/Microsoft.Insights/metrics`,
    ...['--url-parameters', 'api-version=2018-01-01'],
    'metricnames=CpuUsage,MemoryUsage,NetworkBytesReceivedPerSecond,NetworkBytesTransmittedPerSecond',
    'timespan=2026-11-23T12:00:00.000Z/2026-11-23T12:04:30.000Z',
    ...['interval=PT1M', 'aggregation=Average,Minimum,Maximum', '--output', 'json', '--only-show-errors'],
  ])
  expect({ effect, accept }).toEqual({ effect: 'read', accept: [0] })
})

test('omitted intervals and intervals without a figure are gaps, not zeros', () => {
  const { cpu } = parseMetrics(
    reply([
      { timeStamp: '2026-11-23T12:00:00Z', average: 0, minimum: 0, maximum: 0 },
      { timeStamp: '2026-11-23T12:01:00Z' },
      { timeStamp: '2026-11-23T12:02:00+00:00', average: null, minimum: null, maximum: null },
      { timeStamp: '2026-11-23T12:04:00Z', average: 5.5, minimum: 1, maximum: 9 },
    ]),
    span,
  )
  const gap = { average: null, minimum: null, maximum: null }
  expect(cpu).toEqual([
    { at: new Date('2026-11-23T12:00:00Z'), average: 0, minimum: 0, maximum: 0 },
    { at: new Date('2026-11-23T12:01:00Z'), ...gap },
    { at: new Date('2026-11-23T12:02:00Z'), ...gap },
    { at: new Date('2026-11-23T12:03:00Z'), ...gap },
    { at: new Date('2026-11-23T12:04:00Z'), average: 5.5, minimum: 1, maximum: 9 },
  ])
})

test('a group that has never been measured has no timeseries: gaps everywhere', () => {
  const { sent } = parseMetrics(reply([], { timeseries: [] }), span)
  expect(sent.map(({ average }) => average)).toEqual([null, null, null, null, null])
})

test('a metric that failed or is missing is unknown, not empty', async () => {
  const failing = (text: string) => getFailure(Promise.resolve().then(() => parseMetrics(text, span)))
  expect(await failing(reply([], { errorCode: 'InternalError', errorMessage: 'try later' }))).toMatchObject({
    what: 'Azure Monitor could not return CpuUsage (InternalError)',
    said: 'try later',
    exitCode: 3,
  })
  expect(await failing('{"value":[]}')).toMatchObject({
    what: 'Azure Monitor returned no CpuUsage',
    exitCode: 3,
  })
})

test.each([
  [1, 'PT1M', '2026-11-23T12:02:00.000Z'],
  [6, 'PT5M', '2026-11-23T07:00:00.000Z'],
  [24, 'PT15M', '2026-11-22T13:00:00.000Z'],
  [72, 'PT30M', '2026-11-20T13:00:00.000Z'],
  [168, 'PT1H', '2026-11-16T13:00:00.000Z'],
  [720, 'PT6H', '2026-10-24T12:00:00.000Z'],
])('%i h back: every %s, from the interval’s own grid', (hours, interval, from) => {
  const now = new Date('2026-11-23T13:02:20Z')
  const found = spanSince(new Date(now.getTime() - hours * 3_600_000), now)
  expect({ interval: found.interval, from: found.from.toISOString(), to: found.to }).toEqual({
    interval,
    from,
    to: now,
  })
})

test.each(['2026-11-23T12:58:00Z', '2026-10-23T12:00:00Z'])('too short or too long: %s', async (since) => {
  const now = new Date('2026-11-23T13:00:00Z')
  const failure = await getFailure(Promise.resolve().then(() => spanSince(new Date(since), now)))
  expect(failure).toMatchObject({ exitCode: 2, next: 'Use for example --since 1h, 6h, 1d or 7d.' })
})
