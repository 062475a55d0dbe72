import { existsSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import type { Config } from '../../../lib/config/config.ts'
import type { OpenContext } from '../../../lib/deploy/context.ts'
import { createChannels } from '../../../lib/monitoring/alerts/channels.ts'
import type { Evaluation } from '../../../lib/monitoring/evaluate.ts'
import { persist } from '../../../lib/monitoring/persist.ts'
import { type HistoryHandle, recordRun } from '../../../lib/monitoring/record.ts'
import type { Report } from '../../../lib/monitoring/report.ts'
import { type Excluded, historyFile, openHistory } from '../../../lib/monitoring/store/store.ts'
import type { Verdict } from '../../../lib/util/verdict.ts'
import { startReceiver } from '../../support/alertFixtures.ts'
import { loadTestConfig, openRunner } from '../../support/helpers.ts'

/* Records, confirms and alerts with a real history file and a real receiver; only the health runs are fabricated. */

const rules = { failAfter: 3, recoverAfter: 2, remindMs: 0 }
const begin = Date.UTC(2026, 10, 23, 4)
const minute = 60_000

function createEvaluation(number: number, verdict: Verdict, excluded?: Excluded): Evaluation {
  const at = begin + number * minute
  const probe = { id: 'api', title: 'API', publicName: 'API' } as never
  const detail = verdict === 'OK' ? '200 in 8 ms' : 'https://shop.test/_dominion/health answers 503'
  const cause = verdict === 'OK' ? '' : detail
  return {
    at,
    verdict,
    observations: [{ from: 'here', seen: { probe, verdict, detail, took: 8, ms: 8 }, planned: false }],
    ...(excluded ? { excluded, explained: 'planned' } : {}),
    entry: {
      runs: [{ at, samples: [{ target: 'api', verdict, ms: 8, cause }], ...(excluded ? { excluded } : {}) }],
      stretches: [],
      seen: excluded ? undefined : [{ target: 'api', verdict, visible: true, cause }],
      maintenance: undefined,
    },
  }
}

interface SentAlert {
  kind: string
  verdict: string
  incident: string
  title: string
}

async function createMonitor(answer: () => number = () => 200) {
  const { heard, port } = await startReceiver((outgoing) => outgoing.writeHead(answer()).end())
  const config = await loadTestConfig('DOMAIN=shop.test', `ALERT_WEBHOOK_URL=http://localhost:${port}/hook`)
  const sent = () => heard.map(({ body }) => JSON.parse(body) as SentAlert)
  return {
    config,
    sent,
    kinds: () => sent().map(({ kind }) => kind),
    look: (number: number, verdict: Verdict, excluded?: Excluded) =>
      persistRun(config, createEvaluation(number, verdict, excluded)),
  }
}

async function persistRun(config: Config, about: Evaluation, waitMs = 5000): Promise<Report> {
  const store = await getStore(config, waitMs)
  const context = { config, runner: openRunner() } as unknown as OpenContext
  const channels = createChannels(config)
  const report = await persist(context, store, about, { rules, channels, quick: true, trouble: [] })
  store.close()
  return report
}

async function getStore(config: Config, waitMs = 5000): Promise<HistoryHandle> {
  const history = await openHistory(historyFile(config), { ...config.history, waitMs })
  return { history, trouble: [], close: () => history.close() }
}

async function getHistory(config: Config) {
  const { history } = await getStore(config)
  onTestFinished(() => history!.close())
  return history!
}

test('three bad runs open one incident with one alert; two good ones end it', async () => {
  const { config, look, sent, kinds } = await createMonitor()
  expect((await look(0, 'CRITICAL')).line).toBe("CRITICAL - api 503 (1/3) | 'api'=8ms;;;0")
  expect((await look(1, 'CRITICAL')).line).toContain('api 503 (2/3)')
  expect(kinds()).toEqual([])
  const third = await look(2, 'CRITICAL')
  expect(third).toMatchObject({ news: 'problem', incident: { id: '20261123T040000Z', targets: ['api'] } })
  expect((await look(3, 'CRITICAL')).line).toContain('api 503 (3/3)')
  expect((await look(4, 'OK')).line).toBe("OK - api recovering (1/2) | 'api'=8ms;;;0")
  expect((await look(5, 'OK')).line).toBe("OK - incident over after 4 min: api | 'api'=8ms;;;0")
  expect(sent()).toMatchObject([
    { kind: 'problem', verdict: 'CRITICAL', incident: '20261123T040000Z', title: 'api fails: 503' },
    {
      kind: 'recovery',
      verdict: 'OK',
      incident: '20261123T040000Z',
      title: 'incident resolved after 4 min: api',
    },
  ])
  const history = await getHistory(config)
  expect(history.incidents({ from: 0, to: begin * 2 })).toMatchObject([
    { from: begin, to: begin + 4 * minute, rank: 3, targets: ['api'], cause: 'api 503' },
  ])
  expect(history.lastRun()).toMatchObject({ at: begin + 5 * minute, exitCode: 0 })
})

test('an alert that cannot be sent is reported in the line, queued, and later sent in order and once', async () => {
  let answer = 500
  const { look, kinds } = await createMonitor(() => answer)
  for (const number of [0, 1]) await look(number, 'CRITICAL')
  const third = await look(2, 'CRITICAL')
  expect(third.alerts.unsent).toMatchObject([{ channel: 'webhook', kind: 'problem', tries: 1 }])
  expect(third.line).toMatch(
    /^CRITICAL - new incident: api 503 \(3\/3\); the problem alert could not be sent by webhook/,
  )
  expect((await look(3, 'OK')).alerts.unsent).toMatchObject([{ tries: 2 }])
  answer = 200
  const ended = await look(4, 'OK')
  expect(ended.alerts).toEqual({
    sent: [
      { channel: 'webhook', kind: 'problem' },
      { channel: 'webhook', kind: 'recovery' },
    ],
    unsent: [],
  })
  expect(kinds()).toEqual(['problem', 'problem', 'problem', 'recovery'])
  expect((await look(5, 'OK')).alerts.sent).toEqual([])
})

test('alerts queued behind one that cannot be sent are reported too', async () => {
  const { look, kinds } = await createMonitor(() => 500)
  for (const number of [0, 1, 2, 3]) await look(number, 'CRITICAL')
  await look(4, 'OK')
  const ended = await look(5, 'OK')
  expect(ended.alerts.unsent).toMatchObject([
    { kind: 'problem', tries: 4 },
    { kind: 'recovery', tries: 1 },
  ])
  expect(ended.line).toMatch(
    /; 2 alerts \(first: problem\) could not be sent by webhook and are queued: .* 500 \|/,
  )
  expect(kinds()).toEqual(Array(4).fill('problem'))
})

test('a run that is killed after it was recorded loses no alert', async () => {
  const { config, look, kinds } = await createMonitor()
  for (const number of [0, 1]) await look(number, 'CRITICAL')
  const history = await getHistory(config)
  const lastRun = () => ({ exitCode: 2, line: '' })
  recordRun(history, createEvaluation(2, 'CRITICAL').entry, { config, rules, channels: ['webhook'], lastRun })
  expect(kinds()).toEqual([])
  await look(3, 'CRITICAL')
  expect(kinds()).toEqual(['problem'])
})

test('two concurrent runs are both counted, and each alert is sent once', async () => {
  const { look, kinds } = await createMonitor()
  await look(0, 'CRITICAL')
  const both = await Promise.all([look(1, 'CRITICAL'), look(2, 'CRITICAL')])
  expect(both.filter(({ news }) => news === 'problem')).toHaveLength(1)
  await Promise.all([look(3, 'OK'), look(4, 'OK'), look(5, 'OK')])
  expect(kinds()).toEqual(['problem', 'recovery'])
})

test('a damaged history is quarantined and reported; the incident continues and is reported and ended once', async () => {
  const { config, look, sent } = await createMonitor()
  for (const number of [0, 1, 2]) await look(number, 'CRITICAL')
  writeFileSync(historyFile(config), 'This was a database once.\n'.repeat(500))
  const after = await look(3, 'CRITICAL')
  expect(after.verdict).toBe('CRITICAL')
  expect(after.trouble).toEqual([expect.stringMatching(/^the history was damaged and moved to .*damaged-/)])
  expect(after.line).toContain('moved to')
  for (const number of [4, 5]) expect((await look(number, 'OK')).trouble).toEqual([])
  expect(sent().map(({ kind, incident }) => [kind, incident])).toEqual([
    ['problem', '20261123T040000Z'],
    ['recovery', '20261123T040000Z'],
  ])
  const [incident] = (await getHistory(config)).incidents({ from: 0, to: begin * 2 })
  expect(incident).toMatchObject({ from: begin, to: begin + 4 * minute, targets: ['api'] })
})

test('a run killed after quarantining the history, or before writing the incident file, loses and repeats nothing', async () => {
  const { config, look, sent } = await createMonitor()
  for (const number of [0, 1, 2]) await look(number, 'CRITICAL')
  writeFileSync(historyFile(config), 'This was a database once.\n'.repeat(500))
  const { history: killed } = await getStore(config)
  expect(killed!.damaged).toHaveLength(1)
  killed!.close()
  const after = await look(3, 'CRITICAL')
  expect(after.trouble).toEqual([expect.stringMatching(/moved to .*damaged-/)])
  expect((await look(4, 'CRITICAL')).trouble).toEqual([])
  await look(5, 'OK')

  const history = await getHistory(config)
  const lastRun = () => ({ exitCode: 0, line: '' })
  recordRun(history, createEvaluation(6, 'OK').entry, { config, rules, channels: ['webhook'], lastRun })
  const mirror = `${config.stateDir}/health-incident.json`
  expect(existsSync(mirror)).toBe(true)
  await look(7, 'OK')
  expect(existsSync(mirror)).toBe(false)
  expect(sent().map(({ kind, incident }) => [kind, incident])).toEqual([
    ['problem', '20261123T040000Z'],
    ['recovery', '20261123T040000Z'],
  ])
})

test('with a locked history the run is reported at least as a WARNING, with the reason', async () => {
  const { config, look } = await createMonitor()
  await look(0, 'OK')
  const holder = new DatabaseSync(historyFile(config))
  holder.exec('BEGIN IMMEDIATE')
  const well = await persistRun(config, createEvaluation(1, 'OK'), 100)
  expect(well).toMatchObject({ verdict: 'WARNING', exitCode: 1, ok: false })
  expect(well.line).toMatch(
    /^WARNING - 1 probe.*nothing was recorded, and this check can raise no alert: .* locked by/,
  )
  expect(await persistRun(config, createEvaluation(2, 'CRITICAL'), 100)).toMatchObject({ exitCode: 2 })
  holder.close()
  expect(await look(3, 'OK')).toMatchObject({ exitCode: 0, trouble: [] })
})

test('an excluded run does not count, and is recorded as excluded', async () => {
  const { config, look, kinds } = await createMonitor()
  for (const number of [0, 1]) await look(number, 'CRITICAL')
  expect((await look(2, 'CRITICAL', 'maintenance')).news).toBeUndefined()
  const history = await getHistory(config)
  expect(history.latest('here', begin + 3 * minute)).toMatchObject([{ target: 'api', keptOut: true }])
  await look(3, 'CRITICAL')
  expect(kinds()).toEqual(['problem'])
})

test('alerts queued for a channel that is no longer configured are discarded and reported', async () => {
  const { config, look } = await createMonitor(() => 500)
  for (const number of [0, 1, 2]) await look(number, 'CRITICAL')
  const silent = { ...config, alerts: (await loadTestConfig('DOMAIN=shop.test')).alerts }
  const report = await persistRun(silent, createEvaluation(3, 'CRITICAL'))
  expect(report.trouble).toEqual([
    'the problem alert for webhook was discarded: the channel is no longer configured',
  ])
  expect((await persistRun(silent, createEvaluation(4, 'CRITICAL'))).trouble).toEqual([])
})
