import { expect, test } from 'vitest'
import { formatOpenMetrics } from '../../../lib/monitoring/format/openMetrics.ts'
import { formatReportTable } from '../../../lib/monitoring/format/table.ts'
import {
  formatPerfdata,
  formatPluginLine,
  formatSummary,
  type ProbeReport,
  type Report,
} from '../../../lib/monitoring/report.ts'

const apiMs = { warning: 500, critical: 2000 }
const line = (id: string, rest: Partial<ProbeReport> = {}): ProbeReport => ({
  ...{
    id,
    title: id,
    from: 'here',
    verdict: 'OK',
    detail: '200 in 81 ms',
    visible: true,
    took: 9,
    figures: [],
  },
  ...rest,
})
const good = line('static', {
  ms: 74.4,
  figures: [{ name: 'static', value: 74.4, unit: 'ms', limits: { warning: 200, critical: 1000 } }],
})
const bad = line('api', {
  verdict: 'CRITICAL',
  detail: 'https://shop.test/_dominion/health answers 503',
  next: 'npx dominion view-logs',
  ms: 811.7,
  phases: { dns: 2, connect: 5, tls: 21.4, firstByte: 810, total: 811.7 },
  figures: [{ name: 'api', value: 811.7, unit: 'ms', limits: apiMs }],
  progress: '2/3',
})

function report(observations: ProbeReport[], rest: Partial<Report> = {}): Report {
  const about = { domain: 'shop.test', environment: 'default', at: '2026-11-23T04:00:00.000Z', quick: true }
  const state = { ok: false, verdict: 'CRITICAL', exitCode: 2, line: '' } as const
  return { ...about, ...state, observations, alerts: { sent: [], unsent: [] }, trouble: [], ...rest }
}
const incident = {
  id: '7',
  since: '2026-11-23T03:58:00.000Z',
  verdict: 'CRITICAL',
  visible: true,
  targets: ['api'],
} as const
const fine = { verdict: 'OK', exitCode: 0, ok: true } as const

test('formats the complete plugin line', () => {
  expect(formatPluginLine(report([good, bad]))).toBe(
    "CRITICAL - api 503 (2/3) | 'api'=812ms;500;2000;0 'static'=74ms;200;1000;0",
  )
})

test.each([
  [
    { name: 'disk', value: 81.25, unit: '%', limits: { warning: 80, critical: 90 } },
    "'disk'=81.25%;80;90;0;100",
  ],
  // Alerts outside the range of 25 to infinity: a range that starts there.
  [
    { name: 'certificate', value: 30, unit: '%', limits: { warning: 25, critical: 12.5 } },
    "'certificate'=30%;25:;12.5:;0;100",
  ],
  [{ name: 'queue_jobs', value: 0, unit: '' }, "'queue_jobs'=0;;;0"],
  [{ name: 'https://x.test/?a=1', value: 1e-7, unit: 's' }, "'https://x.test/?a_1'=0s;;;0"],
  [{ name: "it's | a\nlabel", value: 2.5e13, unit: 'B' }, "'it''s ¦ a label'=25000000000000B;;;0"],
  [{ name: 'x', value: Number.NaN, unit: 'ms' }, "'x'=U;;;0"],
] as const)('performance data of %j', (figure, expected) => {
  expect(formatPerfdata(figure)).toBe(expected)
})

test('the line has a single bar, before the performance data', () => {
  const nasty = line('api', { verdict: 'CRITICAL', detail: 'a | b\nc\u0007' })
  expect(formatPluginLine(report([nasty]))).toBe('CRITICAL - api a ¦ b c')
})

test.each<[string, Report, string]>([
  ['all well', report([good, line('dns')], fine), 'OK - 2 probes, slowest: static, 74 ms'],
  ['one probe', report([line('dns')], fine), 'OK - 1 probe'],
  [
    'the worst first, the same words once',
    report([
      line('disk', { verdict: 'WARNING', detail: '81 % used', progress: '1/3' }),
      line('api', { verdict: 'CRITICAL', detail: '/api answers 502', progress: '3/3' }),
      line('static', { verdict: 'CRITICAL', detail: '/ answers 502', progress: '3/3' }),
      line('redis', { verdict: 'UNKNOWN', detail: 'not logged in' }),
    ]),
    'CRITICAL - api, static 502 (3/3); disk 81 % used (1/3); redis not logged in',
  ],
  ['recovering', report([line('api', { progress: '1/2' })], fine), 'OK - api recovering (1/2)'],
  [
    'own network down',
    report([line('api', { verdict: 'UNKNOWN' })], {
      verdict: 'UNKNOWN',
      excluded: 'network',
      explained: 'own network down',
    }),
    'UNKNOWN - own network down',
  ],
  [
    'planned',
    report([line('api', { verdict: 'CRITICAL', planned: true })], {
      ...fine,
      excluded: 'maintenance',
      explained: 'planned maintenance: api',
    }),
    'OK - planned maintenance: api',
  ],
  [
    'what waits and what else is wrong',
    report([good], {
      ...fine,
      alerts: {
        sent: [],
        unsent: [{ channel: 'slack', kind: 'problem', since: '', tries: 1, error: '500' }],
      },
      trouble: ['the history was set aside'],
    }),
    'OK - 1 probe, slowest: static, 74 ms; the problem alert could not be sent by slack and is queued: 500; the history was set aside',
  ],
  [
    'seen from elsewhere',
    report(
      ['static', 'api', 'backend'].map((id) =>
        line(id, { from: 'vps', verdict: 'CRITICAL', detail: 'refused; again' }),
      ),
    ),
    'CRITICAL - static, api, backend seen from the VPS refused / again',
  ],
  [
    'an incident that begins',
    report([bad], { news: 'problem', incident }),
    'CRITICAL - new incident: api 503 (2/3)',
  ],
  [
    'one that is worse',
    report([bad], { news: 'raised', incident }),
    'CRITICAL - incident now CRITICAL for visitors: api 503 (2/3)',
  ],
  [
    'one that lasts',
    report([bad], { news: 'reminder', incident }),
    'CRITICAL - incident for 2 min: api 503 (2/3)',
  ],
  [
    'one that is over',
    report([good], {
      ...fine,
      news: 'recovery',
      ended: {
        id: '7',
        since: '2026-11-23T03:59:00.000Z',
        until: '2026-11-23T03:59:25.000Z',
        targets: ['static', 'api', 'disk', 'dns'],
      },
    }),
    'OK - incident over after 25 s: static, api and 2 more',
  ],
])('summary: %s', (_, about, expected) => {
  expect(formatSummary(about)).toBe(expected)
})

test('the line names some of many faults and counts the rest', () => {
  const many = Array.from({ length: 1000 }, (_, number) =>
    line(`t${number}`, { verdict: 'CRITICAL', detail: number < 500 ? 'refused' : `broken ${number}` }),
  )
  const words = formatSummary(report(many))
  expect(words).toMatch(
    /^CRITICAL - t0, t1, .*, t19 and 480 more refused; t500 broken 500; .*; and 491 more$/,
  )
})

test('the table shows the duration of each phase, the advice and the summary', () => {
  expect(formatReportTable(report([good, bad], { incident })).split('\n')).toEqual([
    'STATE     PROBE   DNS  TCP  TLS  WAIT  REST   MS  DETAIL',
    'OK        static                              74  200 in 81 ms',
    'CRITICAL  api       2    3   16   789     2  812  https://shop.test/_dominion/health answers 503 (2/3)',
    '',
    '→ api: npx dominion view-logs',
    'Incident 7, CRITICAL, since 2026-11-23 03:58:00 UTC',
    '  still failing: api (2/3)',
    'CRITICAL - api 503 (2/3)',
  ])
})

test('the table groups the targets of an incident by failing, recovering and recovered', () => {
  const targets = ['api', 'static', 'disk', 'redis']
  const lines = [bad, { ...good, progress: '1/2' }, line('disk')]
  const open = { ...incident, targets }
  expect(
    formatReportTable(report(lines, { incident: open }))
      .split('\n')
      .slice(-6),
  ).toEqual([
    'Incident 7, CRITICAL, since 2026-11-23 03:58:00 UTC',
    '  still failing: api (2/3)',
    '  recovering: static (1/2)',
    '  recovered: disk',
    '  currently unknown: redis',
    'CRITICAL - api 503 (2/3); static recovering (1/2)',
  ])
})

test('the table prints a shared long reason and shared advice once', () => {
  const fault = 'connect ECONNREFUSED 10.213.1.5:443, which nobody expected to be so at this time of day'
  const down = (id: string) => line(id, { verdict: 'CRITICAL', detail: fault, next: 'systemctl start nginx' })
  const short = (id: string) => line(id, { verdict: 'CRITICAL', detail: 'no answer within 10 s' })
  const text = formatReportTable(
    report([down('static'), down('certificate'), short('api'), short('backend')]),
  )
  expect(text).toMatch(/certificate +same as static\n/)
  expect(text).toMatch(/backend +no answer within 10 s\n/)
  expect(text).toContain('→ static, certificate: systemctl start nginx')
})

test('OpenMetrics: base units, escaped labels, each family declared once, # EOF at the end', () => {
  const strange = line('a"b\\c\nd', {
    ms: 3,
    figures: [
      { name: 'disk', value: 81.3, unit: '%' },
      { name: 'queue_jobs', value: 4, unit: '' },
    ],
  })
  const text = formatOpenMetrics(report([bad, strange]))
  const common = 'domain="shop.test",environment="default"'
  const lines = text.split('\n')
  expect(lines).toContain(`dominion_health_verdict{${common}} 2`)
  expect(lines).toContain(`dominion_probe_duration_seconds{${common},probe="api",from="here"} 0.8117`)
  expect(lines).toContain(
    `dominion_probe_phase_end_seconds{${common},probe="api",from="here",phase="tls"} 0.0214`,
  )
  const label = 'probe="a\\"b\\\\c\\nd",from="here"'
  expect(lines).toContain(`dominion_figure_ratio{${common},${label},figure="disk"} 0.813`)
  expect(lines).toContain(`dominion_figure{${common},${label},figure="queue_jobs"} 4`)
  expect(lines.at(-1)).toBe('# EOF')
  checkOpenMetrics(lines)
})

/** The grammar of OpenMetrics 1.0 as far as gauges go: metadata before samples, families unbroken, units in names. */
function checkOpenMetrics(lines: string[]): void {
  const seen = new Set<string>()
  let family = ''
  for (const line of lines.slice(0, -1)) {
    const meta = /^# (TYPE|UNIT|HELP) ([a-z_:][a-z0-9_:]*) (.+)$/.exec(line)
    if (meta) {
      const [, kind, name = '', rest = ''] = meta
      if (name !== family) {
        expect(kind).toBe('TYPE')
        expect(seen, `${name} twice`).not.toContain(name)
        seen.add(name)
        family = name
      }
      if (kind === 'UNIT') expect(name.endsWith(`_${rest}`), line).toBe(true)
      continue
    }
    const sample =
      /^([a-z_:][a-z0-9_:]*)\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\} (-?[0-9.]+(?:e[+-]?\d+)?|NaN)$/.exec(
        line,
      )
    expect(sample, line).not.toBeNull()
    expect(sample![1]).toBe(family)
    const key = `${sample![1]}{${sample![2]}}`
    expect(seen, `${key} twice`).not.toContain(key)
    seen.add(key)
  }
}
