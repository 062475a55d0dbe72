import { expect, test } from 'vitest'
import { local } from '../../../lib/shell/command.ts'
import { executeTasks, getFact, type Listener } from '../../../lib/tasks/engine.ts'
import { ok, type Task, unknown } from '../../../lib/tasks/task.ts'
import { unknownError } from '../../../lib/util/errors.ts'
import { openRunner } from '../../support/helpers.ts'
import { engine, states, task } from '../../support/tasks.ts'

/* How tasks refer to each other, and the hooks around their effects. */

test('a reference to a task that is not in the list cannot be run', async () => {
  const elsewhere = task('elsewhere')
  await expect(executeTasks([task('a', [elsewhere.id])], engine())).rejects.toThrow(
    'a waits for elsewhere, which is not in the list',
  )
  const asks = task('asks', [], {
    inspect: async (ahead) => (ahead.willChange(elsewhere) ? unknown('?') : ok('x')),
  })
  const [outcome] = await executeTasks([asks, elsewhere], engine({ mode: 'plan' }))
  expect(outcome!.error).toMatchObject({ message: expect.stringContaining('without waiting for it') })
  const left = task('left', [], { after: [undefined] })
  expect(states(await executeTasks([left], engine()))).toEqual({ left: 'ok' })
})

test('the lock waits for preparation, and everything else for the lock', async () => {
  const order: string[] = []
  const listener: Listener = { started: ({ id }) => order.push(id), logged() {}, ended() {} }
  const prepare = task('prepare', [], { part: 'prepare' })
  const lock = task('lock', [], { part: 'prepare' })
  const outcomes = await executeTasks([task('work'), prepare], engine({ listener, lock }))
  expect(states(outcomes)).toEqual({ prepare: 'ok', lock: 'ok', work: 'ok' })
  expect(order).toEqual(['prepare', 'lock', 'work'])
  expect(outcomes.map(({ after }) => after.map(({ id }) => id))).toEqual([[], ['prepare'], ['lock']])
})

test('facts are passed to later tasks; unknown facts make those unknown in a plan', async () => {
  const first: Task<string> = {
    ...{ id: 'first', title: 'Title of first', part: 'azure' },
    inspect: async () => ({ state: 'create', what: 'it', effects: [], fact: 'found' }),
    afterAll: async () => 'made',
  }
  const seen: string[] = []
  const second = task('second', [], {
    after: [first],
    async inspect(ahead) {
      seen.push(ahead.fact(first))
      return ok('x')
    },
  })
  await executeTasks([first, second], engine({ mode: 'plan' }))
  expect(getFact(await executeTasks([first, second], engine()), first)).toBe('made')
  expect(seen).toEqual(['found', 'made'])
  first.inspect = () => Promise.reject(unknownError('silent'))
  const [, outcome] = await executeTasks([first, second], engine({ mode: 'plan' }))
  expect(outcome!.difference).toMatchObject({
    state: 'unknown',
    why: 'the state of “Title of first” is unknown',
  })
})

test('hooks run around each effect and after all; the task reports a failure, and its fact is kept', async () => {
  const runner = openRunner()
  const log: string[] = []
  const effects = ['one', 'two'].map((word) => local.change`${process.execPath} --print ${`'${word}'`}`)
  const hooked = task('a', [], {
    inspect: async () => ({ state: 'change', what: 'x', effects, fact: 0 }),
    beforeEach: async ({ index }) => `before ${index}`,
    async afterEach({ index }, before) {
      log.push(`${before}, after ${index}`)
    },
    async afterAll() {
      log.push('after all')
      return 1
    },
    always: () => void log.push('always'),
    verify: () => Promise.reject(new Error('does not work')),
  })
  const [outcome] = await executeTasks([hooked], engine({ runner }))
  expect(log).toEqual(['before 0, after 0', 'before 1, after 1', 'after all', 'always'])
  expect(outcome).toMatchObject({ state: 'failed', changing: true, fact: 1 })
  const failing = task('b', [], {
    inspect: async () => ({ state: 'change', what: 'x', effects }),
    afterEach: () => Promise.reject(new Error('no')),
    onFailure: async (thrown, { index }) => new Error(`${(thrown as Error).message} at ${index}`),
  })
  const [failed] = await executeTasks([failing], engine({ runner }))
  expect(failed!.error).toMatchObject({ message: 'no at 0' })
})
