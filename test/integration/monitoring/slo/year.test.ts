import { expect, test } from 'vitest'
import {
  buildDailyBars,
  buildSloReport,
  getLatencySeries,
  type SloReport,
} from '../../../../lib/monitoring/slo/sloReport.ts'
import type { CheckRun, History, Planned } from '../../../../lib/monitoring/store/store.ts'
import {
  createHistoryPath,
  day,
  minute,
  openTestHistory,
  rollUpAll,
  sample,
} from '../../../support/historyFixtures.ts'

/*
 * A fabricated year, a check run every ten minutes, counted here in a second way: a row of 525,600 characters for each
 * target, one a minute, on which every event is painted. docs/health.md, "Arithmetic".
 */

const start = Date.UTC(2025, 0, 1)
const minutes = 365 * 24 * 60
const at = (text: string): number => (Date.parse(`2025-${text}Z`) - start) / minute
const spans = (...texts: [from: string, to: string][]) =>
  texts.map(([from, to]) => [at(from), at(to)] as const)

/** Whole multiples of ten minutes: check runs from the first on see it, the run at the second no longer does. */
const apiDown = spans(
  ['03-04T11:00', '03-04T11:40'],
  ['06-10T00:00', '06-10T01:00'],
  ['11-30T23:30', '12-01T00:30'],
)
const staticDown = spans(['03-04T11:20', '03-04T12:00'], ['09-09T09:00', '09-09T09:10'])
const apiSlow = spans(['02-01T00:00', '02-02T00:00'], ['06-20T12:00', '06-20T14:00'])
const queueUnknown = spans(['05-05T00:00', '05-12T00:00'])
const ownNetworkDown = spans(['06-15T03:00', '06-15T03:30'], ['10-01T10:00', '10-01T16:00'])
/** No check runs. The one before remains valid for half an hour: three times the usual interval. */
const gaps = spans(['07-04T08:00', '07-06T08:00'], ['08-01T00:00', '08-01T00:20'])
/** To the minute, not only to the check run. */
const planned = spans(
  ['03-04T11:33', '03-04T11:37'],
  ['06-25T20:03', '06-25T20:05'],
  ['07-06T07:00', '07-06T09:15'],
)

const within = (list: readonly (readonly [number, number])[], time: number): boolean =>
  list.some(([from, to]) => from <= time && time < to)
const apiMs = (turn: number): number => 100 + ((turn * 7919) % 900)
const staticMs = (turn: number): number => 20 + ((turn * 104_729) % 211)

function lookAt(time: number): CheckRun | undefined {
  if (within(gaps, time)) return undefined
  const turn = time / 10
  const base = { at: start + time * minute }
  if (within(ownNetworkDown, time)) {
    const unknown = (target: string) => sample(target, 'UNKNOWN', null)
    return { ...base, excluded: 'network', samples: ['static', 'api', 'queue'].map(unknown) }
  }
  const slow = within(apiSlow, time) ? 'WARNING' : 'OK'
  const api = within(apiDown, time) ? 'CRITICAL' : slow
  return {
    ...base,
    samples: [
      sample(
        'static',
        within(staticDown, time) ? 'CRITICAL' : 'OK',
        within(staticDown, time) ? null : staticMs(turn),
      ),
      sample('api', api, apiMs(turn)),
      sample('queue', within(queueUnknown, time) ? 'UNKNOWN' : 'OK', null),
    ],
  }
}

type Paint = 'u' | 'w' | 'd' | 'k' | '-'
interface Painted {
  row: Paint[]
  /** [minute, ms] of the answers that count. */
  answers: [number, number][]
}

function painted(target: string): Painted {
  const row = Array<Paint>(minutes).fill('-')
  const fill = ([from, to]: readonly [number, number], paint: Paint, only?: (before: Paint) => boolean) => {
    for (let each = from; each < to; each++) if (!only || only(row[each]!)) row[each] = paint
  }
  fill([0, minutes], 'u')
  if (target === 'api') for (const span of apiSlow) fill(span, 'w')
  for (const span of { api: apiDown, static: staticDown }[target] ?? []) fill(span, 'd')
  if (target === 'queue') for (const span of queueUnknown) fill(span, '-')
  for (const span of ownNetworkDown) fill(span, 'k')
  // The last check run before a gap is ten minutes older than the gap, so it covers another twenty of its minutes.
  for (const [from, to] of gaps) fill([Math.min(from + 20, to), to], '-')
  // After the very first check run, the interval is not known yet: that run is valid for five minutes.
  fill([5, 10], '-')
  for (const span of planned) fill(span, 'k', (before) => before !== '-')
  const answers: [number, number][] = []
  for (let time = 0; time < minutes; time += 10) {
    const ms = lookAt(time)?.samples.find((each) => each.target === target)?.ms ?? null
    if (ms !== null && row[time] !== 'k') answers.push([time, ms])
  }
  return { row, answers }
}

const paintedSite = (a: Painted, b: Painted): Painted => ({
  answers: [],
  row: a.row.map((paint, index) => {
    const two = paint + b.row[index]!
    return (['d', 'k', '-', 'w'] as const).find((each) => two.includes(each)) ?? 'u'
  }),
})

/** The smallest value that at least `percent` per cent of the values do not exceed, found by counting upwards. */
function percentile(values: readonly number[], percent: number): number {
  const howOften = new Map<number, number>()
  for (const value of values) howOften.set(value, (howOften.get(value) ?? 0) + 1)
  let [value, passed] = [-1, 0]
  while (passed * 100 < percent * values.length) passed += howOften.get(++value) ?? 0
  return value
}

function expected({ row, answers }: Painted, from: number, to: number) {
  const count = (paints: string) => row.slice(from, to).filter((paint) => paints.includes(paint)).length
  const [up, down] = [count('uw'), count('d')]
  const times = answers.filter(([time]) => from <= time && time < to).map(([, ms]) => ms)
  return {
    minutes: { up, warning: count('w'), down, keptOut: count('k'), notKnown: count('-'), ahead: 0 },
    percent: up + down === 0 ? null : (100 * up) / (up + down),
    latency: times.length > 0 ? [50, 95, 99].map((each) => percentile(times, each)) : null,
  }
}

const shown = (report: SloReport) =>
  new Map(
    [{ target: 'site', latency: null, ...report.site! }, ...report.targets].map(
      ({ target, minutes, percent, latency }) => [
        target,
        { minutes, percent, latency: latency && [latency.p50, latency.p95, latency.p99] },
      ],
    ),
  )

const terms = {
  sloPercent: 99.9,
  getLimits: (target: string) => (target === 'api' ? { warning: 500, critical: 2000 } : undefined),
}
const monthStarts = Array.from({ length: 13 }, (_, month) => (Date.UTC(2025, month, 1) - start) / minute)
const moment = (time: number): number => start + time * minute
const getReport = (history: History, from: number, to: number, now = to) =>
  buildSloReport(history, terms, { from: moment(from), to: moment(to), now: moment(now) })

const timeout = 180_000

test('a generated year is counted exactly, before and after roll-up and retention', { timeout }, async () => {
  const history = await openTestHistory(createHistoryPath(), { sampleDays: 35, days: 400 })
  const [site, api, page, queue] = [
    paintedSite(painted('api'), painted('static')),
    ...['api', 'static', 'queue'].map(painted),
  ] as [Painted, Painted, Painted, Painted]
  const stretches: Planned[] = planned.map(([from, to], index) => ({
    ...{ id: `${index}`, kind: index === 0 ? 'maintenance' : 'deploy', what: 'planned' },
    ...{ from: moment(from), to: moment(to) },
  }))
  const rows = Object.entries({ site, api, static: page, queue })
  const counted = new Map<number, Map<string, unknown>>()
  function wanted(from: number, to: number): Map<string, unknown> {
    const found = counted.get(from * 1e6 + to)
    if (found) return found
    const figures = new Map(rows.map(([target, paintedRow]) => [target, expected(paintedRow, from, to)]))
    counted.set(from * 1e6 + to, figures)
    return figures
  }

  for (let month = 0; month < 12; month++) {
    const [from, to] = [monthStarts[month]!, monthStarts[month + 1]!]
    history.transaction(() => {
      history.recordPlanned(
        stretches.filter((stretch) => moment(from) <= stretch.from && stretch.from < moment(to)),
      )
      for (let time = from; time < to; time += 10) {
        const seen = lookAt(time)
        if (seen) history.record(seen)
      }
    })
    // Its last hours are not rolled up yet.
    expect(shown(getReport(history, from, to)), `month ${month + 1}`).toEqual(wanted(from, to))
  }
  await rollUpAll(history.file, moment(minutes))
  // The single check runs of January are gone, so only whole hours of it can be reported.
  expect(
    history.rollups({ from: start + 20 * minute, to: start + day, now: start + 2 * day }).span.from,
  ).toBe(start)
  for (const [month, from] of monthStarts.slice(0, 12).entries()) {
    const to = monthStarts[month + 1]!
    expect(shown(getReport(history, from, to, minutes)), `month ${month + 1}, rolled up`).toEqual(
      wanted(from, to),
    )
  }
  const year = getReport(history, 0, minutes)
  expect(shown(year)).toEqual(wanted(0, minutes))

  // Calculated by hand. June has 43,200 minutes: an hour's outage, half an hour without a network, a deploy of 2
  // minutes.
  const june = getReport(history, monthStarts[5]!, monthStarts[6]!)
  expect(june.site).toEqual({
    minutes: { up: 43_108, warning: 120, down: 60, keptOut: 32, notKnown: 0, ahead: 0 },
    percent: (100 * 43_108) / 43_168,
    met: false,
    budget: { total: 43.168, used: 60, left: 43.168 - 60, usedPercent: 6000 / 43.168 },
  })
  expect(june.deploys.map(({ id }) => id)).toEqual(['1'])
  // March: the site is down from 11:00 to 12:00, except for the 4 minutes of maintenance.
  expect(getReport(history, monthStarts[2]!, monthStarts[3]!).site?.minutes).toMatchObject({
    down: 56,
    keptOut: 4,
  })
  // July: two days without a check run, of which 20 minutes are covered; the 75 planned minutes after the gap are
  // excluded.
  expect(getReport(history, monthStarts[6]!, monthStarts[7]!).site?.minutes).toMatchObject({
    ...{ notKnown: 2860, keptOut: 75, down: 0 },
  })
  const limits = year.targets.find(({ target }) => target === 'api')?.latency
  expect(limits).toMatchObject({ limits: { warning: 500 }, met: false })

  // The page's bars and plots are the same figures by day.
  const bars = buildDailyBars(history, { days: 365, now: moment(minutes) - 1 })
  const byDay = (paintedRow: Painted) =>
    Array.from({ length: 365 }, (_, index) => expected(paintedRow, index * 1440, (index + 1) * 1440))
  expect(
    bars.site.slice(0, 364).map(({ percent, minutes: { ahead: _, ...rest } }) => [percent, rest]),
  ).toEqual(
    byDay(site)
      .slice(0, 364)
      .map(({ percent, minutes: { ahead: _, ...rest } }) => [percent, rest]),
  )
  const queueDay = bars.targets.find(({ target }) => target === 'queue')?.days[at('05-06T00:00') / 1440]
  expect(queueDay).toMatchObject({ percent: null, minutes: { notKnown: 1440 } })
  const series = getLatencySeries(history, 'api', {
    from: start,
    to: moment(minutes),
    now: moment(minutes),
    hours: 24,
  })
  expect(series.map(({ p50, p95, p99 }) => [p50, p95, p99])).toEqual(
    byDay(api).flatMap(({ latency }) => (latency ? [latency] : [])),
  )
})

test('in the current month the remaining time adds budget, and the last run is valid until now', async () => {
  const history = await openTestHistory(createHistoryPath())
  history.transaction(() => {
    for (let time = 0; time < 3 * 1440; time += 5)
      history.record({
        at: moment(time),
        samples: [sample('static'), sample('api', time < 10 ? 'CRITICAL' : 'OK')],
      })
  })
  const january = monthStarts[1]!
  const report = getReport(history, 0, january, 3 * 1440 - 2)
  expect(report.site?.minutes).toEqual({
    ...{ up: 4308, warning: 0, down: 10, keptOut: 0, notKnown: 0, ahead: january - 4318 },
  })
  expect(report.site?.budget).toEqual({
    ...{ total: 44.64, used: 10, left: 44.64 - 10, usedPercent: 1000 / 44.64 },
  })
  expect(report.to).toBe(moment(4318))
  // An hour after the last check run, which was valid for a quarter of an hour.
  expect(getReport(history, 0, january, 4320 + 60).site?.minutes).toMatchObject({ up: 4320, notKnown: 50 })
  expect(getReport(history, january, monthStarts[2]!, 4320).site).toMatchObject({ percent: null, met: null })
})
