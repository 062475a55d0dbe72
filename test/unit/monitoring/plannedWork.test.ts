import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Observation } from '../../../lib/checks/check.ts'
import type { Receipt } from '../../../lib/deploy/receipts/receipts.ts'
import { explain, findPlannedWork, type KnownMaintenance } from '../../../lib/monitoring/plannedWork.ts'
import type { Remote } from '../../../lib/shell/remote.ts'
import type { Verdict } from '../../../lib/util/verdict.ts'
import { loadTestConfig, openRunner, toSite } from '../../support/helpers.ts'

const at = Date.UTC(2026, 10, 23, 4)
const second = 1000

const seen = (id: string, verdict: Verdict, more: Partial<Observation> = {}): Observation => ({
  probe: { id, hiddenByMaintenance: id === 'static' || id.startsWith('api-') } as Observation['probe'],
  ...{ verdict, detail: '', took: 1 },
  ...more,
})

const receipt = (script: string, beganMs: number, more: Partial<Receipt> = {}): Receipt => ({
  ...{ id: `20261123T0350${beganMs}Z-${script}-1`, line: `npx dominion ${script}`, by: 'anna@desk' },
  ...{ started: new Date(at + beganMs).toISOString(), seconds: 60, result: 'done', revision: '' },
  ...{ image: '', digest: '', frontend: '', unchanged: [], failed: [] },
  changed: [{ id: 'backend', title: 'Backend', what: 'another image', fields: [], seconds: 1 }],
  longestChain: { seconds: 0, ids: [] },
  commands: { read: 0, change: 0, record: 0 },
  ...more,
})

async function contextWith(receipts: Receipt[]) {
  const config = await loadTestConfig('DOMAIN=shop.test')
  const folder = path.join(config.stateDir, 'receipts')
  mkdirSync(folder, { recursive: true })
  for (const each of receipts) writeFileSync(path.join(folder, `${each.id}.json`), JSON.stringify(each))
  return { ...toSite(config), runner: openRunner() }
}

const quick = { quick: true, noted: undefined }
const minute = 60 * second

test('receipts of runs that changed something visible to visitors become planned periods', async () => {
  const context = await contextWith([
    receipt('update-backend', -600 * second),
    receipt('build-image', -500 * second),
    receipt('maintenance-mode', -450 * second),
    receipt('deploy-complete', -400 * second, { changed: [] }),
  ])
  const { stretches, deploy } = await findPlannedWork(context, { at, observations: [] }, quick)
  expect(stretches).toEqual([
    expect.objectContaining({
      ...{ kind: 'deploy', from: at - 600 * second, to: at - 540 * second },
      what: 'update-backend by anna@desk',
    }),
  ])
  expect(deploy).toBeUndefined()
})

test('a deploy that failed during its first change is a planned period too', async () => {
  const failed = [{ id: 'backend', error: 'does not become healthy', changing: true as const }]
  const commands = { read: 9, change: 1, record: 1 }
  const context = await contextWith([
    receipt('update-backend', -50 * second, { changed: [], failed, commands, result: 'failed' }),
  ])
  const { stretches, deploy } = await findPlannedWork(context, { at, observations: [] }, quick)
  expect(stretches).toHaveLength(1)
  expect(deploy).toBe('deploy during the check: update-backend by anna@desk')
})

test.each<[string, Partial<Receipt>]>([
  ['while it looked', { failed: [{ id: 'point-dns', error: 'no answer' }] }],
  [
    'while it looked, after an image was built that nobody uses yet',
    {
      changed: [{ id: 'image', title: 'Image', what: 'built', fields: [], seconds: 1 }],
      failed: [{ id: 'backend', error: 'Azure is silent' }],
      commands: { read: 9, change: 1, record: 1 },
    },
  ],
  ['before it sent anything', { failed: [{ id: 'point-dns', error: 'not logged in', changing: true }] }],
  [
    'in a build, of which nobody notices anything',
    {
      failed: [{ id: 'frontend-build', error: 'exit 1', changing: true }],
      commands: { read: 3, change: 1, record: 1 },
    },
  ],
  [
    'in an upload to a second server',
    {
      failed: [{ id: 'frontend-upload@b.example', error: 'exit 1', changing: true }],
      commands: { read: 3, change: 1, record: 1 },
    },
  ],
  [
    'in an older version, which did not note that it changed anything',
    { failed: [{ id: 'server', error: '' }] },
  ],
])('a run that failed %s explains no outage', async (_, more) => {
  const context = await contextWith([
    receipt('deploy-complete', -50 * second, { changed: [], result: 'failed', ...more }),
  ])
  const observations = [seen('api', 'CRITICAL'), seen('static', 'CRITICAL')]
  const work = await findPlannedWork(context, { at, observations }, quick)
  expect([work.stretches, work.deploy, explain(observations, work)]).toEqual([[], undefined, undefined])
})

test('a deploy that took five hours explains only ninety minutes', async () => {
  const context = await contextWith([receipt('update-backend', -300 * minute, { seconds: 300 * 60 })])
  const { stretches, deploy } = await findPlannedWork(context, { at, observations: [] }, quick)
  expect(stretches).toMatchObject([{ from: at - 300 * minute, to: at - 210 * minute }])
  expect(deploy).toBeUndefined()
})

test('a deploy that ended during the check explains the faults that the check saw', async () => {
  const context = await contextWith([receipt('update-backend', -50 * second)])
  const work = await findPlannedWork(context, { at, observations: [] }, quick)
  expect(work.deploy).toBe('deploy during the check: update-backend by anna@desk')
  const observations = [seen('api', 'CRITICAL'), seen('disk', 'OK'), seen('redis', 'UNKNOWN')]
  expect(explain(observations, work)).toMatchObject({ by: 'deploy', ids: new Set(['api']) })
})

test('without ssh, the site itself shows whether a maintenance is on', async () => {
  const context = await contextWith([])
  const ours = seen('static', 'CRITICAL', { maintenance: true })
  const asked = (ms: number, observations: Observation[], noted: KnownMaintenance | undefined) =>
    findPlannedWork(context, { at: at + ms, observations }, { quick: true, noted })
  const first = await asked(0, [ours, seen('api-ai', 'CRITICAL')], undefined)
  expect(first.maintenance).toBe('planned maintenance')
  const noted = { id: new Date(at).toISOString(), from: at, to: at }
  expect(first).toMatchObject({ noted, stretches: [{ kind: 'maintenance', ...noted }] })
  const second = await asked(minute, [ours], noted)
  expect(second).toMatchObject({ stretches: [{ ...noted, to: at + minute }] })
  // A run that did not request the page, or got no answer, does not notice its end.
  expect((await asked(minute, [seen('api', 'OK')], noted)).noted).toBeUndefined()
  expect((await asked(minute, [seen('static', 'CRITICAL', { silent: true })], noted)).noted).toBeUndefined()
  expect((await asked(minute, [seen('static', 'CRITICAL')], noted)).noted).toBe('over')
  // What happened in the day between is unknown.
  const other = await asked(1440 * minute, [ours], noted)
  expect(other.noted).toMatchObject({ from: at + 1440 * minute })
})

/** A VPS that reports this maintenance state and nothing else. */
async function contextWithVps(maintenance: string) {
  const stdout = `server-state\t1\nmaintenance\t${maintenance}\nend\tserver-state\n`
  const exec = async () => ({ code: 0, stdout, stderr: '', timedOut: false })
  const runner = openRunner({ openHost: async () => ({ exec, close() {} }) as never as Remote })
  return { ...toSite(await loadTestConfig('DOMAIN=shop.test')), runner }
}

test('with ssh, the marker decides whether a maintenance is on, whatever the site answers', async () => {
  const ours = [seen('static', 'CRITICAL', { maintenance: true })]
  const marker = (ms: number) =>
    `on ${JSON.stringify({ since: new Date(at + ms).toISOString(), by: 'anna@desk', message: 'Soon.' })}`
  const asked = async (maintenance: string, noted?: KnownMaintenance) =>
    findPlannedWork(await contextWithVps(maintenance), { at, observations: ours }, { quick: false, noted })
  const off = await asked('')
  expect(off).toEqual({ stretches: [], noted: 'over' })
  expect(explain(ours, off)).toBeUndefined()
  const on = await asked(marker(-10 * minute))
  const began = at - 10 * minute
  expect(on.noted).toEqual({ id: new Date(began).toISOString(), from: began, to: at })
  expect(on.maintenance).toMatch(/ since 2026-11-23T03:50:00.000Z by anna@desk$/)
  // First seen by a run without a login: one maintenance, whose start is known now.
  const guessed = { id: 'first', from: at - 9 * minute, to: at - minute }
  const known = await asked(marker(-10 * minute), guessed)
  expect(known).toMatchObject({ noted: { id: 'first', from: began, to: at }, stretches: [{ id: 'first' }] })
  // It has ended and another one has started since the last run.
  expect((await asked(marker(-2 * minute), guessed)).noted).toMatchObject({ from: at - 2 * minute })
  const nobody = { ...toSite(await loadTestConfig()), runner: openRunner() }
  const unasked = await findPlannedWork(
    nobody,
    { at, observations: ours },
    { quick: false, noted: undefined },
  )
  expect(unasked.maintenance).toBe('planned maintenance')
})

test('a maintenance explains only what it hides', () => {
  const work = { stretches: [], maintenance: 'planned maintenance' }
  const hidden = [seen('static', 'CRITICAL', { maintenance: true }), seen('api-ai', 'CRITICAL')]
  expect(explain([...hidden, seen('api', 'OK')], work)?.ids).toEqual(new Set(['static', 'api-ai']))
  expect(explain([...hidden, seen('disk', 'CRITICAL')], work)?.ids).toEqual(new Set(['static', 'api-ai']))
  expect(explain([seen('disk', 'CRITICAL')], work)).toBeUndefined()
  expect(explain([seen('static', 'OK'), seen('redis', 'UNKNOWN')], work)).toBeUndefined()
  expect(explain(hidden, { stretches: [] })).toBeUndefined()
})
