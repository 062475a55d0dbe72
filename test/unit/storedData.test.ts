import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { Config } from '../../lib/config/config.ts'
import { loadConfig } from '../../lib/config/load.ts'
import { receiptsHere } from '../../lib/deploy/receipts/receipts.ts'
import { getNotedMaintenance, readIncidentFile, recordRun } from '../../lib/monitoring/record.ts'
import { buildSloReport, getTerms } from '../../lib/monitoring/slo/sloReport.ts'
import { historyFile, openHistory, readHistory } from '../../lib/monitoring/store/store.ts'
import { home, temporaryFolder } from '../support/helpers.ts'

/*
 * Files that the code of revision 826a4ef wrote (6 hours of checks, two deploys, one configuration): whatever is
 * renamed in the code, an operator's existing state and configuration must remain readable.
 */

const fixtures = path.join(home, 'test', 'support', 'fixtures', '826a4ef')
const at = (time: string) => Date.parse(`2026-11-22T${time}Z`)

/** A project folder with the configuration and state of that revision. */
async function install(environment?: string): Promise<Config> {
  const folder = temporaryFolder()
  cpSync(path.join(fixtures, 'env'), path.join(folder, '.env'))
  cpSync(path.join(fixtures, 'env.staging'), path.join(folder, '.env.staging'))
  const config = await loadConfig(folder, environment)
  mkdirSync(config.stateDir, { recursive: true, mode: 0o700 })
  cpSync(path.join(fixtures, 'receipts'), path.join(config.stateDir, 'receipts'), { recursive: true })
  cpSync(path.join(fixtures, 'health-incident.json'), path.join(config.stateDir, 'health-incident.json'))
  writeFileSync(historyFile(config), gunzipSync(readFileSync(path.join(fixtures, 'health.sqlite.gz'))))
  return config
}

test('an old configuration: every key is known, and an environment is read over it', async () => {
  const config = await install()
  expect(config).toMatchObject({
    domain: 'shop.test',
    environment: 'default',
    azure: { resourceGroup: 'codexdominion-prod', location: 'eastus' },
    backend: { dnsLabel: 'codex-api', cpu: 2, memoryGb: 4 },
    worker: { cpu: 1, memoryGb: 2, count: 3 },
    ionos: { keepReleases: 5 },
    servers: [{ name: 'vps', address: '203.0.113.7', publicIp: '203.0.113.7' }],
    health: { apiMs: { warning: 300, critical: 900 } },
    history: { sampleDays: 35, days: 400, sloPercent: 99.5 },
    alerts: { email: { to: 'anna@shop.test,ben@shop.test' } },
  })
  expect(config.postgres.password.text()).toBe('env:FIXTURE_PASSWORD')
  expect(config.stateDir).toBe(path.join(config.folder, '.dominion', 'default'))
  expect(await install('staging')).toMatchObject({
    domain: 'staging.shop.test',
    environment: 'staging',
    worker: { count: 3 },
    ionos: { keepReleases: 4 },
  })
})

test('old receipts: none is damaged, and each field is in its place', async () => {
  const { receipts, damaged } = receiptsHere(await install(), 20, '')
  expect(damaged).toEqual([])
  expect(receipts.map(({ id, result }) => [id, result])).toEqual(
    expect.arrayContaining([
      ['20261122T010500Z-deploy-complete-101', 'done'],
      ['20261122T020500Z-deploy-complete-102', 'failed'],
    ]),
  )
  expect(receipts.find(({ result }) => result === 'failed')).toMatchObject({
    line: 'npx dominion deploy-complete',
    by: 'anna@desk',
    started: '2026-11-22T02:05:00.000Z',
    seconds: 95.4,
    revision: '0123456789ab+',
    image: 'codexacr.azurecr.io/codex-backend:2',
    digest: `sha256:${'a'.repeat(64)}`,
    frontend: '20261122T100000Z-0123456789ab',
    changed: [{ id: 'backend', what: 'codex-backend', fields: [{ name: 'image' }], seconds: 2.5 }],
    unchanged: ['login', 'frontend-switch'],
    hidden: ['frontend-switch'],
    failed: [{ id: 'verify', error: '/api/ai says 503' }],
    longestChain: { seconds: 2.7, ids: ['login', 'backend', 'verify'] },
    commands: { read: 41, change: 6, record: 2 },
  })
})

test('an old history: samples, roll-ups, incidents, planned work, outbox and notes', async () => {
  const config = await install()
  const history = await readHistory(historyFile(config))
  const range = { from: at('00:00:00'), to: at('06:00:00'), now: at('06:00:00') }
  try {
    expect(history.incidents(range)).toMatchObject([
      { from: at('00:30:00'), to: at('00:50:00'), rank: 3, targets: ['api'], cause: 'api 503' },
      { from: at('05:40:00'), to: null, rank: 3, targets: ['api'] },
    ])
    expect(history.planned(range)).toMatchObject([
      { id: '20261122T010500Z-deploy-complete-101', kind: 'deploy', what: 'deploy-complete by anna@desk' },
      { id: '2026-11-22T03:20:00.000Z', kind: 'maintenance', from: at('03:20:00') },
    ])
    expect(history.latest('here', range.now)).toMatchObject([
      { target: 'api', verdict: 'CRITICAL', ms: null, cause: 'https://shop.test/_dominion/health says 503' },
      { target: 'disk', verdict: 'WARNING', cause: '91 % used' },
      { target: 'static', verdict: 'OK', ms: 131 },
    ])
    expect(history.latest('vps', range.now)).toMatchObject([{ target: 'static', at: at('05:00:00') }])
    expect(history.lastRun()).toEqual({ at: at('05:55:00'), exitCode: 2, line: 'CRITICAL - api 503' })
    expect(history.outbox().map(({ channel, alert }) => [channel, (alert as { kind: string }).kind])).toEqual(
      [
        ['webhook', 'problem'],
        ['webhook', 'recovery'],
        ['webhook', 'problem'],
      ],
    )
    expect(getNotedMaintenance(history)?.id).toBe('2026-11-22T03:20:00.000Z')
    const { site, targets } = buildSloReport(history, getTerms(config), range)
    expect(site).toMatchObject({ met: false, minutes: { down: 40 } })
    expect(site!.minutes.up).toBeGreaterThan(310)
    expect(targets.find(({ target }) => target === 'api')).toMatchObject({
      samples: 72,
      latency: { limits: { warning: 300, critical: 900 }, met: true },
    })
  } finally {
    history.close()
  }
})

test('an old incident continues, also from the file next to a lost history', async () => {
  const config = await install()
  expect(readIncidentFile(config)?.open).toMatchObject({ start: at('05:40:00'), targets: ['api'] })
  const history = await openHistory(historyFile(config), config.history)
  const rules = { failAfter: 3, recoverAfter: 2, remindMs: 0 }
  const check = (time: string) =>
    recordRun(
      history,
      {
        runs: [{ at: at(time), samples: [{ target: 'api', verdict: 'OK', ms: 90, cause: '' }] }],
        stretches: [],
        seen: [{ target: 'api', verdict: 'OK', visible: true, cause: '' }],
        maintenance: undefined,
      },
      { config, rules, channels: [], lastRun: () => ({ exitCode: 0, line: 'OK' }) },
    ).news?.kind
  try {
    expect([check('06:00:00'), check('06:05:00')]).toEqual([undefined, 'recovery'])
    const ongoing = history.incidents({ from: 0, to: at('07:00:00') }).filter(({ to }) => to === null)
    expect(ongoing).toEqual([])
  } finally {
    history.close()
  }
})
