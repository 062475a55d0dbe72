import { expect, onTestFinished, test } from 'vitest'
import type { Observation } from '../../../lib/checks/check.ts'
import type { ProbeRun } from '../../../lib/checks/health.ts'
import type { OpenContext } from '../../../lib/deploy/context.ts'
import { evaluate } from '../../../lib/monitoring/evaluate.ts'
import type { Collected } from '../../../lib/monitoring/health.ts'
import { recordRun } from '../../../lib/monitoring/record.ts'
import { buildSloReport } from '../../../lib/monitoring/slo/sloReport.ts'
import { historyFile, openHistory } from '../../../lib/monitoring/store/store.ts'
import type { Verdict } from '../../../lib/util/verdict.ts'
import { loadTestConfig, openRunner, toSite } from '../../support/helpers.ts'

const at = Date.UTC(2026, 10, 23, 4)
const nothingKept = { history: undefined, trouble: [], close() {} }

const seen = (id: string, verdict: Verdict, detail = '', more: Partial<Observation> = {}): Observation => ({
  probe: {
    ...{ id, title: id, tags: [], publicName: id, hiddenByMaintenance: id === 'static' },
    needs: ['disk', 'stored-certificate'].includes(id) ? 'ssh' : 'nothing',
    ...(id === 'backend' ? { host: () => 'core.test' } : {}),
  },
  ...{ verdict, detail, took: 1 },
  ...more,
})

const look = (observations: Observation[], more: Partial<ProbeRun> = {}): ProbeRun => ({
  ...{ at, from: 'here', verdict: 'OK', observations, ownNetwork: 'not asked' },
  ...more,
})

async function judged(looked: Collected, known: string[] = []) {
  const context = { config: await loadTestConfig('DOMAIN=shop.test'), runner: openRunner({ known }) }
  return evaluate(context as unknown as OpenContext, looked, nothingKept, true)
}

test('an answer that the VPS gets from itself does not count: a closed firewall is an outage', async () => {
  const refused = seen('static', 'CRITICAL', 'https://shop.test/: timed out', { silent: true })
  const { verdict, entry } = await judged({
    here: look([refused]),
    vps: look([seen('static', 'OK', '200 in 9 ms', { ms: 9 })], { from: 'vps' }),
  })
  expect(verdict).toBe('CRITICAL')
  expect(entry.seen).toMatchObject([
    {
      verdict: 'CRITICAL',
      cause:
        'https://shop.test/: timed out; it answers the VPS itself, so suspect a firewall or the network in between',
    },
  ])
})

test('an answer that only one origin gets is a network problem between them, not an outage', async () => {
  const refused = seen('backend', 'CRITICAL', 'http://core.test/: refused', { silent: true })
  const well = seen('backend', 'OK', '200 in 9 ms', { ms: 9 })
  const { verdict, entry, observations } = await judged({
    here: look([refused]),
    vps: look([well], { from: 'vps' }),
  })
  expect(verdict).toBe('WARNING')
  expect(observations.map(({ from, seen }) => `${from} ${seen.verdict}`)).toEqual(['here WARNING', 'vps OK'])
  expect(observations[0]!.seen.detail).toMatch(/a network problem in between, not an outage/)
  expect(entry.seen).toMatchObject([{ target: 'backend', verdict: 'WARNING' }])
  expect(entry.runs.map(({ from, samples }) => [from, samples[0]!.verdict])).toEqual([
    ['here', 'WARNING'],
    ['vps', 'OK'],
  ])
  const both = await judged({ here: look([refused]), vps: look([refused], { from: 'vps' }) })
  expect(both.verdict).toBe('CRITICAL')
  const broken = look([seen('backend', 'CRITICAL', '/ answers 500', { ms: 9 })], { from: 'vps' })
  const wrong = await judged({ here: look([refused]), vps: broken })
  expect(wrong.entry.seen).toMatchObject([{ target: 'backend', verdict: 'CRITICAL' }])
})

test('a maintenance explains what it hides; any other fault counts', async () => {
  const hidden = seen('static', 'CRITICAL', '503', { maintenance: true })
  const alone = await judged({ here: look([hidden, seen('disk', 'OK')]) })
  expect(alone).toMatchObject({ verdict: 'OK', excluded: 'maintenance' })
  expect(alone.entry).toMatchObject({
    seen: undefined,
    runs: [{ excluded: 'maintenance' }],
    maintenance: { from: at, to: at },
  })
  const besides = await judged({ here: look([hidden, seen('disk', 'CRITICAL', 'full')]) })
  expect(besides.verdict).toBe('CRITICAL')
  expect(besides.excluded).toBeUndefined()
  expect(besides.explained).toBe('planned maintenance (explains static)')
  expect(besides.entry.seen).toMatchObject([{ target: 'disk' }])
  expect(besides.entry.stretches).toMatchObject([{ kind: 'maintenance' }])
  expect(besides.entry.runs[0]!.excluded).toBeUndefined()
  expect(besides.entry.runs[0]!.samples.map(({ target, keptOut }) => [target, keptOut])).toEqual([
    ...[
      ['static', true],
      ['disk', undefined],
    ],
  ])
  expect(besides.observations.map(({ planned }) => planned)).toEqual([true, false])
})

test('a maintenance with another fault remains one maintenance and causes no downtime when it ends', async () => {
  const history = await openHistory(historyFile(await loadTestConfig()), { sampleDays: 35, days: 400 })
  onTestFinished(() => history.close())
  const config = await loadTestConfig('DOMAIN=shop.test')
  const context = { config, runner: openRunner() } as unknown as OpenContext
  const rules = { failAfter: 3, recoverAfter: 2, remindMs: 0 }
  const minute = 60_000
  const ours = seen('static', 'CRITICAL', '503', { ms: 5, maintenance: true })
  for (let number = 0; number < 60; number++) {
    const on = number >= 20 && number < 30
    const late = seen('clock', 'WARNING', 'this machine is 2 s ahead')
    const page = on ? ours : seen('static', 'OK', '', { ms: 50 })
    // By hand, between the scheduled runs: --only api,clock.
    const observations = [...(number === 25 ? [] : [page]), seen('api', 'OK', '', { ms: 50 }), late]
    const looked = { here: { ...look(observations), at: at + number * minute } }
    const { entry } = await evaluate(context, looked, { history, trouble: [], close() {} }, true)
    recordRun(history, entry, { config, rules, channels: [], lastRun: () => ({ exitCode: 1, line: '' }) })
  }
  const terms = { sloPercent: 99.9, getLimits: () => undefined }
  const { site, targets, maintenances } = buildSloReport(history, terms, { from: at, to: at + 60 * minute })
  expect(site!.minutes).toMatchObject({ down: 0, up: 50, keptOut: 10 })
  expect(targets.find(({ target }) => target === 'static')!.latency).toMatchObject({ p50: 50 })
  expect(maintenances.map(({ from, to }) => [from, to])).toEqual([[at + 20 * minute, at + 29 * minute]])
})

test.each([
  ['a look that has asked nobody over ssh', ['containers'], true],
  ['one whose disk was seen', ['containers', 'disk'], true],
  ['one that has just waited for the VPS in vain', ['containers', 'stored-certificate'], false],
])('asks the VPS about planned work: %s', async (_, ids, isAsked) => {
  let asked = false
  const openHost = async () => {
    asked = true
    throw new Error('not there')
  }
  const context = {
    ...toSite(await loadTestConfig()),
    runner: openRunner({ openHost }),
  } as unknown as OpenContext
  const observations = ids.map((id) => seen(id, id === 'stored-certificate' ? 'UNKNOWN' : 'CRITICAL'))
  await evaluate(context, { here: look(observations) }, nothingKept, false)
  expect(asked).toBe(isAsked)
  asked = false
  await evaluate(context, { here: look(observations) }, nothingKept, true)
  expect(asked).toBe(false)
})

test("excludes the whole run while this machine's network is down or intercepted", async () => {
  const detail = "this machine's network is down or intercepted (a: timed out; b: timed out)"
  const silent = seen('static', 'UNKNOWN', detail, { silent: true })
  const { verdict, excluded, explained, entry } = await judged({
    here: look([silent, seen('disk', 'OK')], { ownNetwork: 'down' }),
  })
  expect({ verdict, excluded, explained, seen: entry.seen }).toEqual({
    ...{ verdict: 'UNKNOWN', excluded: 'network', explained: detail, seen: undefined },
  })
  expect(entry.runs).toMatchObject([{ excluded: 'network' }])
})

test('a recorded cause is one line without secrets', async () => {
  const { entry } = await judged({ here: look([seen('api', 'CRITICAL', 'said hunter2hunter2\n twice')]) }, [
    'hunter2hunter2',
  ])
  expect(entry.seen).toMatchObject([{ cause: 'said *** twice' }])
  expect(entry.runs[0]!.samples).toMatchObject([{ cause: 'said *** twice' }])
})
