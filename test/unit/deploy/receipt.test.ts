import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../../../lib/config/load.ts'
import { type Receipt, writeReceipt } from '../../../lib/deploy/receipts/receipts.ts'
import { local } from '../../../lib/shell/command.ts'
import type { Outcome } from '../../../lib/tasks/engine.ts'
import { ok, type Task } from '../../../lib/tasks/task.ts'
import { openRunner, temporaryFolder, toSite } from '../../support/helpers.ts'
import { createTask } from '../../support/tasks.ts'

const [login, backend, verify, last] = ['login', 'backend', 'verify', 'last'].map((id) => createTask(id)) as [
  Task,
  Task,
  Task,
  Task,
]
const outcomes: Outcome[] = [
  {
    ...{ task: login, after: [], state: 'ok', difference: { state: 'ok', reason: 'x' } },
    ...{ started: 0, ended: 100 },
  },
  {
    ...{ task: backend, after: [login], state: 'change' },
    difference: {
      state: 'change',
      what: 'codex-backend',
      fields: [{ name: 'password', before: 'hunter2', after: 'hunter2' }],
      effects: [],
    },
    started: 100,
    ended: 2600,
  },
  {
    ...{ task: verify, after: [backend], state: 'failed', changing: true },
    error: new Error('no hunter2'),
    started: 2600,
    ended: 2700,
  },
  { task: last, after: [verify], state: 'skipped' },
]

async function context() {
  const folder = temporaryFolder()
  writeFileSync(path.join(folder, '.env'), '')
  return { config: await loadConfig(folder), runner: openRunner({ known: ['hunter2'] }), folder }
}

test('a receipt: who, what, how long, what changed and what failed; readable only by its owner, without secrets', async () => {
  const { config, runner } = await context()
  await runner.run(local.change`${process.execPath} --version`)
  const run = {
    id: '20261122T100000Z-x-1',
    line: 'npx dominion deploy-complete',
    startedAt: Date.now() - 2700,
    interrupted: false,
    revision: '0123456789ab+',
  }
  await writeReceipt(
    { ...toSite(config), runner },
    outcomes,
    run,
    { image: 'r/i:t', digest: 'sha256:1' },
    false,
  )
  const file = path.join(config.stateDir, 'receipts', '20261122T100000Z-x-1.json')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700)
  const text = readFileSync(file, 'utf8')
  expect(text).not.toContain('hunter2')
  const receipt = JSON.parse(text) as Receipt
  expect(receipt).toMatchObject({
    id: '20261122T100000Z-x-1',
    line: 'npx dominion deploy-complete',
    by: expect.stringMatching(/^.+@.+$/),
    started: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    result: 'failed',
    revision: '0123456789ab+',
    ...{ image: 'r/i:t', digest: 'sha256:1', frontend: '' },
    changed: [
      {
        ...{ id: 'backend', title: 'Title of backend', what: 'codex-backend', seconds: 2.5 },
        fields: [{ name: 'password', before: '***', after: '***' }],
      },
    ],
    unchanged: ['login'],
    failed: [{ id: 'verify', error: 'no ***', changing: true }],
    longestChain: { seconds: 2.7, ids: ['login', 'backend', 'verify'] },
  })
  expect(receipt.seconds).toBeGreaterThanOrEqual(2.7)
  expect(receipt.commands.change).toBe(1)
})

test.each([
  ['done', outcomes.slice(0, 2), false],
  ['interrupted', outcomes.slice(0, 2), true],
  ['failed', outcomes, true],
] as const)('the result of a run: %s', async (result, steps, interrupted) => {
  const { config, runner } = await context()
  const run = { id: 'r', line: '', startedAt: Date.now(), interrupted, revision: 'abc+' }
  expect((await writeReceipt({ ...toSite(config), runner }, steps, run, {}, false)).result).toBe(result)
})

test('a step that got the maintenance page instead of the site is named', async () => {
  const { config, runner } = await context()
  const looked: Outcome[] = [
    { task: verify, after: [], state: 'ok', difference: ok('2 more see only its page', true) },
    { task: createTask('verify-backend'), after: [], state: 'ok', difference: ok('8 checks') },
  ]
  const run = { id: 'r', line: '', startedAt: Date.now(), interrupted: false, revision: '' }
  expect((await writeReceipt({ ...toSite(config), runner }, looked, run, {}, false)).hidden).toEqual([
    'verify',
  ])
})

test('a run without changes has an empty list', async () => {
  const { config, runner } = await context()
  const run = { id: 'r', line: '', startedAt: Date.now(), interrupted: false, revision: 'abc+' }
  await runner.run(local`${process.execPath} --version`)
  const receipt = await writeReceipt({ ...toSite(config), runner }, outcomes.slice(0, 1), run, {}, false)
  expect([receipt.changed, receipt.commands.change]).toEqual([[], 0])
})

test('the newest 200 receipts are kept', async () => {
  const { config, runner } = await context()
  const folder = path.join(config.stateDir, 'receipts')
  mkdirSync(folder, { recursive: true })
  const older = Array.from(
    { length: 205 },
    (_none, index) => `20260101T000${String(index).padStart(3, '0')}Z-x-1`,
  )
  for (const id of older) writeFileSync(path.join(folder, `${id}.json`), '{}')
  const run = { id: '20261122T100000Z-x-1', line: 'x', startedAt: 0, interrupted: false, revision: '' }
  await writeReceipt({ ...toSite(config), runner }, outcomes, run, {}, false)
  expect(readdirSync(folder).sort()).toEqual([...older.slice(6), run.id].map((id) => `${id}.json`))
})
