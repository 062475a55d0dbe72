import { expect, test } from 'vitest'
import type { Run } from '../../../lib/cli/defineScript.ts'
import { backUp } from '../../../lib/database/backup/run.ts'
import type { ReceiptList } from '../../../lib/deploy/receipts/receipts.ts'
import { type RollbackFlags, receiptsFor, rollbackTasks } from '../../../lib/deploy/rollback/tasks.ts'
import type { TaskList } from '../../../lib/deploy/runTasks.ts'
import { scaleTasks, unaskedScaling } from '../../../lib/deploy/scale.ts'
import type { Runner } from '../../../lib/shell/runner.ts'
import { executeTasks } from '../../../lib/tasks/engine.ts'
import type { Context } from '../../../lib/tasks/task.ts'
import { OpsError, unknownError } from '../../../lib/util/errors.ts'
import { fakeAz } from '../../support/fakeAz.ts'
import { getFailure, loadTestConfig, openRunner, toSite } from '../../support/helpers.ts'

/* Plans and choices while a cloud does not answer: unknowns are named, and nothing is invented. */

const silent = () => Promise.reject(unknownError('it is silent', '', 'See whether it is there.'))

async function getPlan({ runner }: Context, { tasks }: TaskList) {
  const stopping = new AbortController().signal
  const outcomes = await executeTasks(tasks, { mode: 'plan', runner, stopping })
  return Object.fromEntries(
    outcomes.map(({ task, state, difference, error }) => [
      task.id,
      `${state}: ${difference?.state === 'unknown' ? difference.why : String(error ?? '')}`,
    ]),
  )
}

const run = (flags: RollbackFlags) =>
  ({ flags, resumeCommand: 'npx dominion rollback' }) as Run<RollbackFlags>

test.each([{}, { markBad: true }])(
  'rollback frontend, a silent VPS, %j: every step is unknown',
  async (flags) => {
    const context = { ...toSite(await loadTestConfig()), runner: openRunner({ openHost: silent }) }
    expect(await getPlan(context, rollbackTasks(run(flags), context, 'frontend'))).toMatchObject({
      'rollback-target': 'unknown: it is silent',
      'mark-bad': flags.markBad ? 'unknown: the state of “Release to roll back to” is unknown' : 'ok: ',
      'frontend-switch': 'unknown: the state of “Release to roll back to” is unknown',
      'verify-frontend': 'unknown: checked after the switch',
    })
  },
)

test('rollback backend, logged out: every step is unknown', async () => {
  const { context } = await fakeAz({
    match: /./,
    stderr: "Please run 'az login' to setup account.",
    code: 1,
  })
  const answers = context.runner.run
  const runner: Runner = {
    ...context.runner,
    run: (command, log) => (command.on !== 'here' ? silent() : answers(command, log)),
  }
  const deaf = { ...context, runner }
  expect(await getPlan(deaf, rollbackTasks(run({}), deaf, 'backend'))).toMatchObject({
    image: expect.stringMatching(/^unknown: /),
    backend: expect.stringMatching(/^unknown: /),
    worker: expect.stringMatching(/^unknown: /),
  })
})

test('the previous release is not derived from incomplete receipts; a named one needs none', () => {
  const failure = unknownError('the VPS is silent')
  const history = { kept: [], damaged: [], answers: { here: {}, vps: { failure } } } as unknown as ReceiptList
  expect(() => receiptsFor(history, undefined)).toThrow(failure)
  expect(receiptsFor(history, 'f1')).toEqual([])
})

test('scale, logged out: the plan has every step, none of them invented; a run and other faults still throw', async () => {
  const { context } = await fakeAz({
    match: /./,
    stderr: "Please run 'az login' to setup account.",
    code: 1,
  })
  const out = new OpsError({ what: 'logged out', exitCode: 4 })
  const scaling = unaskedScaling({ workers: 3 }, context.config, 'worker', out)
  expect(scaling.to).toEqual({ cpu: 1, memoryGb: 2, count: 3 })
  expect(await getPlan(context, scaleTasks(context, scaling))).toMatchObject({
    image: 'unknown: logged out',
    cost: 'unknown: it cannot be compared with the running containers',
    worker: expect.stringMatching(/^unknown: /),
    verify: 'unknown: checked after the changes',
  })
  const refused = new OpsError({ what: 'no such size', exitCode: 2 })
  expect(() => unaskedScaling({ cpu: 3 }, context.config, 'worker', refused)).toThrow(refused)
})

test('backup-database, a silent server: the plan has its commands; a run ends with exit 3', async () => {
  const context = {
    config: await loadTestConfig('POSTGRES_PASSWORD=Gr8-password'),
    runner: openRunner({ openDatabase: silent }),
  }
  const options = { to: undefined, keep: 14, prove: 'new', planning: true } as const
  const about = { by: 'ops@desk', log() {}, stopping: new AbortController().signal }
  const { text, data } = await backUp(context, options, about)
  expect(text).toMatch(/^Would dump codexdb to /)
  expect(text).toMatch(/\n {2}\$ pg_dump .*--snapshot=SNAPSHOT/)
  expect(text).toMatch(/\n {2}\$ pg_restore /)
  expect(text).toContain('? the state of the server is unknown: it is silent\n  → See whether it is there.')
  expect(text).not.toContain('Gr8-password')
  expect(data).toMatchObject({ dryRun: true, unknown: 1, why: 'it is silent' })
  expect(await getFailure(backUp(context, { ...options, planning: false }, about))).toMatchObject({
    exitCode: 3,
  })
})
