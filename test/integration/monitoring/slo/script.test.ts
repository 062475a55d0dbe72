import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { openHistory } from '../../../../lib/monitoring/store/store.ts'
import { home, temporaryFolder } from '../../../support/helpers.ts'
import { createRun, createSample } from '../../../support/runFixtures.ts'
import { start } from '../../../support/runScript.ts'

const hour = 3_600_000
const begin = Date.UTC(2026, 8, 1)

/** A folder with its own configuration, and what it takes to run `slo` there. */
function operator() {
  const folder = temporaryFolder()
  const settings = {
    ...{ POSTGRES_PASSWORD: 'not-a-secret-0', APP_SECRET_KEY: '0'.repeat(32) },
    ...{ IONOS_HOST: '127.0.0.1', DOMAIN: 'shop.example' },
  }
  const text = Object.entries(settings).reduce(
    (lines, [key, value]) => lines.replace(new RegExp(`^${key}=.*$`, 'm'), `${key}=${value}`),
    readFileSync(path.join(home, '.env.example'), 'utf8'),
  )
  writeFileSync(path.join(folder, '.env'), text, { mode: 0o600 })
  const slo = (...args: string[]) =>
    start([path.join(home, 'bin', 'dominion.js'), 'slo', ...args], { cwd: folder }).ended
  return { file: path.join(folder, '.dominion', 'default', 'health.sqlite'), slo }
}

/** Ten hours of September 2026: 20 minutes down, every twentieth answer slow, a deploy of 5 minutes. */
async function filled(file: string): Promise<void> {
  const history = await openHistory(file, { sampleDays: 400, days: 400 })
  history.transaction(() => {
    for (let turn = 0; turn < 120; turn++) {
      const down = turn >= 60 && turn < 64
      const ms = turn % 20 === 10 ? 900 : 120
      const api = createSample('api', down ? 'CRITICAL' : 'OK', down ? null : ms)
      history.record(createRun(begin + (turn * hour) / 12, createSample('static', 'OK', 80), api))
    }
    history.recordPlanned([
      {
        id: 'd',
        kind: 'deploy',
        from: begin + hour,
        to: begin + hour + 300_000,
        what: 'update-backend by anna@desk',
      },
    ])
    const incident = { rank: 3, targets: ['api'], cause: 'api 503' } as const
    const id = history.openIncident({ from: begin + 5 * hour, ...incident })
    history.changeIncident(id, { to: begin + 5 * hour + 1_200_000 })
  })
  history.close()
}

const range = ['--since', '2026-09-01T00:00Z', '--until', '2026-09-01T10:00Z']

test('slo shows a range as a table and as one JSON document', async () => {
  const { file, slo } = operator()
  await filled(file)
  const [table, json, month] = await Promise.all([
    slo(...range),
    slo(...range, '--json'),
    slo('--month', '2026-09', '--json'),
  ])
  expect(table.stderr).toBe('')
  expect(table.code).toBe(0)
  expect(table.stdout.split('\n')).toEqual([
    'shop.example, 2026-09-01 00:00 to 2026-09-01 10:00 UTC',
    '',
    'SLO 99.9 %: missed, the site was up 96.638 %; budget 36 s, 20 min used, overdrawn by 19 min 24 s',
    '',
    'Target        up    down   budget left  p50 ms  p95 ms  p99 ms      limit ms  excluded  unknown',
    'site    96.638 %  20 min  -19 min 24 s                                           5 min      0 s',
    'api     96.638 %  20 min  -19 min 24 s     120     900     900  exceeded 500     5 min      0 s',
    'static     100 %     0 s          36 s      80      80      80           200     5 min      0 s',
    '',
    'Incident          end               lasted  worst              targets  cause',
    '2026-09-01 05:00  2026-09-01 05:20  20 min  CRITICAL, visible  api      503',
    '',
    'Planned           end               lasted  kind    what',
    '2026-09-01 01:00  2026-09-01 01:05  5 min   deploy  update-backend by anna@desk',
    '',
  ])
  expect(JSON.parse(json.stdout)).toMatchObject({
    ...{ ok: true, domain: 'shop.example', from: '2026-09-01T00:00:00.000Z', to: '2026-09-01T10:00:00.000Z' },
    site: {
      ...{ percent: (100 * 575) / 595, met: false },
      minutes: { up: 575, warning: 0, down: 20, keptOut: 5, notKnown: 0, ahead: 0 },
      budget: { total: 0.595, used: 20 },
    },
    targets: [
      // 120 check runs, minus 4 without an answer and 1 during the deploy; 6 of the 115 took 900 ms.
      { target: 'api', samples: 120, latency: { p50: 120, p95: 900, p99: 900, answers: 115, met: false } },
      { target: 'static', latency: { p50: 80, p95: 80, p99: 80, answers: 119, met: true } },
    ],
    incidents: [{ from: '2026-09-01T05:00:00.000Z', to: '2026-09-01T05:20:00.000Z', rank: 3 }],
    deploys: [{ kind: 'deploy', to: '2026-09-01T01:05:00.000Z' }],
  })
  // The last check run is valid for three times five minutes.
  expect(JSON.parse(month.stdout)).toMatchObject({
    site: { minutes: { up: 585, down: 20, keptOut: 5, notKnown: 43_200 - 610 } },
  })
})

test('without a history, or for a range without checks, slo says so and exits 3', async () => {
  const { file, slo } = operator()
  const none = await slo('--json')
  expect([none.code, JSON.parse(none.stdout)]).toEqual([
    3,
    expect.objectContaining({
      ok: false,
      error: expect.objectContaining({ what: expect.stringContaining(`There is no history yet: ${file}`) }),
    }),
  ])
  await filled(file)
  const empty = await slo('--month', '2026-08')
  expect([empty.code, empty.stdout]).toEqual([3, ''])
  expect(empty.stderr).toContain('No check ran between 2026-08-01 00:00 UTC and 2026-09-01 00:00 UTC\n')
  expect(empty.stderr).toContain(
    '→ There are checks from 2026-09-01 00:00 UTC to 2026-09-01 09:55 UTC: npx dominion slo --month 2026-09\n',
  )
  expect(empty.stderr).toContain('Resume with: npx dominion slo --month 2026-09\n')
})
