import { expect, test } from 'vitest'
import { formatSlo } from '../../../../lib/monitoring/slo/slo.ts'
import type { SloReport } from '../../../../lib/monitoring/slo/sloReport.ts'

const from = Date.UTC(2026, 10, 1)
const dayMinutes = 1440

function getReport(minutes: { up: number; down: number }, lengthMs: number, rest: Partial<SloReport> = {}) {
  const notKnown = lengthMs / 60_000 - minutes.up - minutes.down
  const report: SloReport = {
    ...{ from, to: from + lengthMs, end: from + lengthMs, sloPercent: 99.9, vantage: 'here' },
    site: {
      percent: (100 * minutes.up) / (minutes.up + minutes.down),
      met: true,
      minutes: { ...minutes, warning: 0, keptOut: 0, notKnown, ahead: 0 },
      budget: { total: 1, used: minutes.down, left: 1 - minutes.down, usedPercent: 0 },
    },
    ...{ targets: [], incidents: [], deploys: [], maintenances: [] },
    ...rest,
  }
  return report
}

test('the headline states how much is known; short ranges show seconds', () => {
  const little = formatSlo(getReport({ up: 1.6, down: 0 }, 22 * dayMinutes * 60_000), 'a.example')
  expect(little).toContain('the site was up 100 % of the 1 min 36 s counted (range 22 d, unknown 21 d 23 h);')
  const short = formatSlo(getReport({ up: 0.35, down: 0.05 }, 24_000), 'a.example')
  expect(short).toContain('a.example, 2026-11-01 00:00:00 to 2026-11-01 00:00:24 UTC')
  expect(short).toContain('the site was up 87.500 %; budget 1 min, 3 s used, 57 s left')
})

test('an incident is one line with few names, no wider than the terminal', () => {
  const targets = ['static', 'api', 'api-ai', 'api-agents', 'certificate', 'tls']
  const incident = (cause: string) => ({ id: 1, from, to: from + 18_000, rank: 3 as const, targets, cause })
  const lines = (cause: string, width?: number) =>
    formatSlo(
      getReport({ up: 10, down: 0 }, 600_000, { incidents: [incident(cause)] }),
      'a.example',
      width,
    ).split('\n')
  expect(lines('static, api, api-ai and 3 more connection refused').at(-1)).toBe(
    '2026-11-01 00:00:00  2026-11-01 00:00:18  18 s    CRITICAL, visible  static, api, api-ai and 3 more  connection refused',
  )
  const two = 'static connection refused; certificate has expired'
  expect(lines(two).at(-1)).toContain(two)
  const cut = lines(`static ${'very '.repeat(80)}long`, 100)
  expect(Math.max(...cut.slice(-2).map((line) => line.length))).toBe(100)
  expect(cut.at(-1)).toMatch(/…$/)
})
