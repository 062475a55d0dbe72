import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Verdict } from '../../lib/command/verdict.ts'
import type { Receipt } from '../../lib/deploy/receipt.ts'
import type { Observation } from '../../lib/health/probe.ts'
import { explain, workAt } from '../../lib/watch/planned.ts'
import { configOf, openRunner } from '../command/rig.ts'

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
  const config = await configOf('DOMAIN=shop.test')
  const folder = path.join(config.stateDir, 'receipts')
  mkdirSync(folder, { recursive: true })
  for (const each of receipts) writeFileSync(path.join(folder, `${each.id}.json`), JSON.stringify(each))
  return { config, runner: openRunner() }
}

const quick = { quick: true, from: undefined }

test('receipts become planned stretches: of runs that changed something a visitor could notice', async () => {
  const context = await contextWith([
    receipt('update-backend', -600 * second),
    receipt('backup-database', -500 * second),
    receipt('maintenance-mode', -450 * second),
    receipt('deploy-complete', -400 * second, { changed: [] }),
  ])
  const { stretches, deploy } = await workAt(context, { at, observations: [] }, quick)
  expect(stretches).toEqual([
    expect.objectContaining({
      ...{ kind: 'deploy', from: at - 600 * second, to: at - 540 * second },
      what: 'update-backend by anna@desk',
    }),
  ])
  expect(deploy).toBeUndefined()
})

test('a deploy that ended while we looked explains what the look saw of it', async () => {
  const context = await contextWith([receipt('update-backend', -50 * second)])
  const work = await workAt(context, { at, observations: [] }, quick)
  expect(work.deploy).toBe('deploy at the same time: update-backend by anna@desk')
  const observations = [seen('api', 'CRITICAL'), seen('disk', 'OK'), seen('redis', 'UNKNOWN')]
  expect(explain(observations, work)).toMatchObject({ by: 'deploy', ids: new Set(['api']) })
})

test('without a login the site itself says that it is in maintenance, since a look has first seen it', async () => {
  const context = await contextWith([])
  const observations = [seen('static', 'CRITICAL', { maintenance: true }), seen('api-ai', 'CRITICAL')]
  const { stretches, maintenance } = await workAt(
    context,
    { at, observations },
    { quick: true, from: at - 60 * second },
  )
  expect(maintenance).toBe('planned maintenance')
  expect(stretches).toMatchObject([{ kind: 'maintenance', from: at - 60 * second, to: at }])
  const again = await workAt(
    context,
    { at: at + 60 * second, observations },
    { quick: true, from: at - 60 * second },
  )
  expect(again.stretches[0]!.id).toBe(stretches[0]!.id)
})

test('a maintenance explains what it hides, and nothing else', () => {
  const work = { stretches: [], maintenance: 'planned maintenance' }
  const hidden = [seen('static', 'CRITICAL', { maintenance: true }), seen('api-ai', 'CRITICAL')]
  expect(explain([...hidden, seen('api', 'OK')], work)?.ids).toEqual(new Set(['static', 'api-ai']))
  expect(explain([...hidden, seen('disk', 'CRITICAL')], work)?.ids).toEqual(new Set(['static', 'api-ai']))
  expect(explain([seen('disk', 'CRITICAL')], work)).toBeUndefined()
  expect(explain([seen('static', 'OK'), seen('redis', 'UNKNOWN')], work)).toBeUndefined()
  expect(explain(hidden, { stretches: [] })).toBeUndefined()
})
