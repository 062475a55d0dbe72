import { expect, test } from 'vitest'
import type { Verdict } from '../../lib/command/verdict.ts'
import type { OpenContext } from '../../lib/deploy/context.ts'
import type { Seen } from '../../lib/health/look.ts'
import type { Observation } from '../../lib/health/probe.ts'
import type { Looked } from '../../lib/watch/ask.ts'
import { judge } from '../../lib/watch/judge.ts'
import { configOf, openRunner } from '../command/rig.ts'

const at = Date.UTC(2026, 10, 23, 4)
const nothingKept = { history: undefined, trouble: [], close() {} }

const seen = (id: string, verdict: Verdict, detail = '', more: Partial<Observation> = {}): Observation => ({
  probe: { id, visible: true, hiddenByMaintenance: id === 'static' } as Observation['probe'],
  ...{ verdict, detail, took: 1 },
  ...more,
})

const look = (observations: Observation[], more: Partial<Seen> = {}): Seen => ({
  ...{ at, from: 'here', verdict: 'OK', observations, ownNetwork: 'not asked' },
  ...more,
})

async function judged(looked: Looked, known: string[] = []) {
  const context = { config: await configOf('DOMAIN=shop.test'), runner: openRunner({ known }) }
  return judge(context as unknown as OpenContext, looked, nothingKept)
}

test('what only one of the two places gets is a network problem between, not an outage', async () => {
  const refused = seen('static', 'CRITICAL', 'https://shop.test/: refused', { silent: true })
  const well = seen('static', 'OK', '200 in 9 ms', { ms: 9 })
  const { verdict, entry, observations } = await judged({
    here: look([refused]),
    vps: look([well], { from: 'vps' }),
  })
  expect(verdict).toBe('WARNING')
  expect(observations.map(({ from, seen }) => `${from} ${seen.verdict}`)).toEqual(['here WARNING', 'vps OK'])
  expect(observations[0]!.seen.detail).toMatch(/a network problem between, no outage/)
  expect(entry.seen).toMatchObject([{ target: 'static', verdict: 'WARNING' }])
  expect(entry.looks.map(({ from, samples }) => [from, samples[0]!.verdict])).toEqual([
    ['here', 'WARNING'],
    ['vps', 'OK'],
  ])
  const both = await judged({ here: look([refused]), vps: look([refused], { from: 'vps' }) })
  expect(both.verdict).toBe('CRITICAL')
  const broken = look([seen('static', 'CRITICAL', '/ says 500', { ms: 9 })], { from: 'vps' })
  const wrong = await judged({ here: look([refused]), vps: broken })
  expect(wrong.entry.seen).toMatchObject([{ target: 'static', verdict: 'CRITICAL' }])
})

test('a maintenance explains its part; another fault besides it counts', async () => {
  const hidden = seen('static', 'CRITICAL', '503', { maintenance: true })
  const alone = await judged({ here: look([hidden, seen('disk', 'OK')]) })
  expect(alone).toMatchObject({ verdict: 'OK', excluded: 'maintenance' })
  expect(alone.entry).toMatchObject({
    seen: undefined,
    looks: [{ excluded: 'maintenance' }],
    maintenance: at,
  })
  const besides = await judged({ here: look([hidden, seen('disk', 'CRITICAL', 'full')]) })
  expect(besides.verdict).toBe('CRITICAL')
  expect(besides.excluded).toBeUndefined()
  expect(besides.explained).toBe('planned maintenance (it explains static)')
  expect(besides.entry.seen).toMatchObject([{ target: 'disk' }])
  expect(besides.entry.stretches).toMatchObject([{ kind: 'maintenance' }])
  expect(besides.observations.map(({ planned }) => planned)).toEqual([true, false])
})

test('the own network down: the whole look is kept out', async () => {
  const detail = "this machine's own network is down (a: timed out; b: timed out)"
  const silent = seen('static', 'UNKNOWN', detail, { silent: true })
  const { verdict, excluded, explained, entry } = await judged({
    here: look([silent, seen('disk', 'OK')], { ownNetwork: 'down' }),
  })
  expect({ verdict, excluded, explained, seen: entry.seen }).toEqual({
    ...{ verdict: 'UNKNOWN', excluded: 'network', explained: detail, seen: undefined },
  })
  expect(entry.looks).toMatchObject([{ excluded: 'network' }])
})

test('what is kept of a cause is one line, without secrets', async () => {
  const { entry } = await judged({ here: look([seen('api', 'CRITICAL', 'said hunter2hunter2\n twice')]) }, [
    'hunter2hunter2',
  ])
  expect(entry.seen).toMatchObject([{ cause: 'said *** twice' }])
  expect(entry.looks[0]!.samples).toMatchObject([{ cause: 'said *** twice' }])
})
