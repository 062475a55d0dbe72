import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { local } from '../../../lib/shell/command.ts'
import {
  criticalPath,
  executeTasks,
  inOrder,
  type Listener,
  type Outcome,
} from '../../../lib/tasks/engine.ts'
import { type Ahead, type Difference, differing, ok, unknown } from '../../../lib/tasks/task.ts'
import { OpsError, unknownError } from '../../../lib/util/errors.ts'
import { openRunner, readTranscript } from '../../support/helpers.ts'
import { engine, states, task, the } from '../../support/tasks.ts'

const create = (what = 'it'): Difference => ({ state: 'create', what, effects: [] })

test('a task starts when those it waits for are done, whatever the order of the list', async () => {
  const log: string[] = []
  const logging = (id: string, after: string[]) =>
    task(id, after, {
      async inspect() {
        log.push(`${id} looks`)
        await pause(5)
        return create()
      },
      async apply() {
        await pause(5)
        log.push(`${id} done`)
      },
    })
  const outcomes = await executeTasks([logging('c', ['b']), logging('a', []), logging('b', ['a'])], engine())
  expect(log).toEqual(['a looks', 'a done', 'b looks', 'b done', 'c looks', 'c done'])
  expect(states(outcomes)).toEqual({ a: 'create', b: 'create', c: 'create' })
})

test('independent chains run in parallel: the total time is that of the longest chain', async () => {
  const slow = (id: string, after: string[], ms: number) =>
    task(id, after, { inspect: () => pause(ms).then(() => ok('x')) })
  const list = [
    ...[slow('a1', [], 100), slow('a2', ['a1'], 150), slow('b1', [], 200), slow('b2', ['b1'], 150)],
    ...[slow('c', [], 50), slow('end', ['a2', 'b2', 'c'], 50)],
  ]
  const started = performance.now()
  const outcomes = await executeTasks(list, engine())
  const took = performance.now() - started
  const chain = criticalPath(outcomes)
  expect(chain.ids).toEqual(['b1', 'b2', 'end'])
  expect(chain.ms).toBeGreaterThanOrEqual(395)
  expect(took).toBeLessThan(chain.ms * 1.1 + 100)
})

test('a run applies only the differences', async () => {
  const applied: string[] = []
  const applies = (id: string, difference: Difference) =>
    task(id, [], {
      inspect: async () => difference,
      apply: async (given) => {
        applied.push(`${id} ${given.state}`)
      },
    })
  await executeTasks(
    [
      applies('fine', ok('there')),
      applies('new', create()),
      applies('old', { ...create(), state: 'change' } as Difference),
    ],
    engine(),
  )
  expect(applied).toEqual(['new create', 'old change'])
})

test('a manual change is planned as a change and reported, but not counted as changed', async () => {
  const told: string[] = []
  const byHand: Difference = { state: 'change', what: 'set A www by hand', effects: [], manual: true }
  const list = [
    task('dns', [], { inspect: async () => byHand, apply: async (_, tell) => tell('A www 192.0.2.1') }),
  ]
  const listener: Listener = { started() {}, logged: (_, line) => told.push(line), ended() {} }
  expect(states(await executeTasks(list, engine({ mode: 'plan' })))).toEqual({ dns: 'change' })
  const [outcome] = await executeTasks(list, engine({ listener }))
  expect(outcome).toMatchObject({ state: 'ok', difference: { reason: 'set A www by hand' } })
  expect(told).toEqual(['A www 192.0.2.1'])
})

test('the effects of a difference are run in order', async () => {
  const runner = openRunner()
  const effects = ['one', 'two'].map((word) => local.change`${process.execPath} --print ${`'${word}'`}`)
  const said: string[] = []
  const listener: Listener = {
    started() {},
    ended() {},
    logged: (_, line, from) => said.push(`${from} ${line}`),
  }
  await executeTasks(
    [task('a', [], { inspect: async () => ({ state: 'create', what: 'x', effects }) })],
    engine({ runner, listener }),
  )
  expect(said).toEqual(['stdout one\n', 'stdout two\n'])
  expect(runner.count.change).toBe(2)
})

test('after a failure nothing new starts, and running tasks finish', async () => {
  let finished = false
  const outcomes = await executeTasks(
    [
      task('bad', [], { inspect: () => Promise.reject(new OpsError({ what: 'no' })) }),
      task('slow', [], {
        async inspect() {
          await pause(50)
          finished = true
          return ok('done')
        },
      }),
      task('after-bad', ['bad']),
      task('after-slow', ['slow']),
    ],
    engine(),
  )
  expect(states(outcomes)).toEqual({
    bad: 'failed',
    slow: 'ok',
    'after-bad': 'skipped',
    'after-slow': 'skipped',
  })
  expect(finished).toBe(true)
})

test('on the first Ctrl-C running tasks finish, and nothing new starts', async () => {
  const stopping = new AbortController()
  const outcomes = await executeTasks(
    [
      task('running', [], {
        async inspect() {
          stopping.abort()
          await pause(20)
          return ok('done')
        },
      }),
      task('next', ['running']),
    ],
    engine({ stopping: stopping.signal }),
  )
  expect(states(outcomes)).toEqual({ running: 'ok', next: 'skipped' })
})

test('on the second Ctrl-C a running task is abandoned', async () => {
  const now = new AbortController()
  setTimeout(() => now.abort(new Error('stopped by a second signal')), 20)
  const never = new Promise<Difference>(() => {})
  const outcomes = await executeTasks(
    [task('looking', [], { inspect: () => never }), task('next', ['looking'])],
    engine({ signal: now.signal }),
  )
  expect(states(outcomes)).toEqual({ looking: 'failed', next: 'skipped' })
  expect(outcomes[0]?.error).toMatchObject({ message: 'stopped by a second signal' })
})

test('a failing task reports whether it was changing something', async () => {
  const change: Difference = { state: 'change', what: 'x', effects: [] }
  const outcomes = await executeTasks(
    [
      task('looking', [], { inspect: () => Promise.reject(new OpsError({ what: 'no' })) }),
      task('changing', [], { inspect: async () => change, apply: () => Promise.reject(new Error('no')) }),
      task('unsure', [], { inspect: async () => ({ state: 'unknown', why: 'silent' }) }),
    ],
    engine(),
  )
  expect(outcomes.map(({ task: { id }, state, changing }) => [id, state, changing])).toEqual([
    ['looking', 'failed', undefined],
    ['changing', 'failed', true],
    ['unsure', 'failed', undefined],
  ])
})

test('a plan only reads', async () => {
  let applied = false
  const outcomes = await executeTasks(
    [
      task('a', [], {
        inspect: async () => create(),
        async apply() {
          applied = true
        },
      }),
      task('b', [], {
        inspect: async () => ({ state: 'create', what: 'x', effects: [local.change`touch /nowhere/x`] }),
      }),
    ],
    engine({ mode: 'plan', runner: openRunner({ mayChange: false }) }),
  )
  expect([states(outcomes), applied]).toEqual([{ a: 'create', b: 'create' }, false])
})

test.each([
  [
    'the remote state is not known',
    unknownError('Azure cannot be reached', undefined, 'Check the network'),
    'unknown',
  ],
  ['not logged in', new OpsError({ what: 'Not logged in', next: 'az login', exitCode: 4 }), 'unknown'],
  ['a wrong setting', new OpsError({ what: 'No Dockerfile', exitCode: 2 }), 'failed'],
  ['a failure', new OpsError({ what: 'az said no' }), 'failed'],
  ['a mistake of this program', new TypeError('x is not a function'), 'failed'],
])('in a plan, %s is %s', async (_, error, state) => {
  const [outcome] = await executeTasks(
    [task('a', [], { inspect: () => Promise.reject(error) })],
    engine({ mode: 'plan' }),
  )
  expect(outcome?.state).toBe(state)
  if (state === 'unknown') {
    expect(outcome?.difference).toEqual({
      state: 'unknown',
      why: error.message,
      next: (error as OpsError).failure.next,
    })
  }
  const [real] = await executeTasks([task('a', [], { inspect: () => Promise.reject(error) })], engine())
  expect(real?.state, 'in a real run it is a failure').toBe('failed')
})

test('an unknown task in a plan does not hide the tasks after it', async () => {
  const seen: boolean[] = []
  const behind = (id: string) =>
    task(id, ['silent', 'fine', 'made'], {
      async inspect(ahead: Ahead) {
        seen.push(
          ahead.willChange(the('silent')),
          ahead.willChange(the('fine')),
          ahead.willChange(the('made')),
          ahead.isUnknown(the('silent')),
        )
        return ok('x')
      },
    })
  const list = [
    task('silent', [], { inspect: () => Promise.reject(unknownError('no answer')) }),
    task('fine'),
    task('made', [], { inspect: async () => create() }),
    behind('b'),
  ]
  expect(states(await executeTasks(list, engine({ mode: 'plan' })))).toMatchObject({
    silent: 'unknown',
    b: 'ok',
  })
  expect(seen).toEqual([true, false, true, true])
})

test('in a real run nothing will change any more', async () => {
  let pending: boolean | undefined
  await executeTasks(
    [
      task('made', [], { inspect: async () => create() }),
      task('b', ['made'], {
        async inspect(ahead) {
          pending = ahead.willChange(the('made')) || ahead.isUnknown(the('made'))
          return ok('x')
        },
      }),
    ],
    engine(),
  )
  expect(pending).toBe(false)
})

test('an unknown task stops a real run with exit code 3', async () => {
  const [outcome] = await executeTasks(
    [task('a', [], { inspect: async () => unknown('who knows', 'ask') })],
    engine(),
  )
  expect(outcome?.state).toBe('failed')
  expect((outcome!.error as OpsError).failure).toEqual({ what: 'who knows', next: 'ask', exitCode: 3 })
})

test('tasks are recorded and reported, with their fields and errors', async () => {
  const runner = openRunner({ known: ['hunter2'] })
  const told: string[] = []
  const listener: Listener = {
    started: ({ id }) => told.push(`started ${id}`),
    logged() {},
    ended: ({ task: { id }, state }) => told.push(`ended ${id} ${state}`),
  }
  const fields = [{ name: 'CPU', before: '1', after: '2' }]
  await executeTasks(
    [
      task('a', [], { inspect: async () => ({ state: 'change', what: 'x', fields, effects: [] }) }),
      task('b', ['a'], { inspect: () => Promise.reject(new Error('said hunter2')) }),
      task('c', ['b']),
    ],
    engine({ runner, listener }),
  )
  expect(told).toEqual(['started a', 'ended a change', 'started b', 'ended b failed', 'ended c skipped'])
  expect(readTranscript(runner)).toMatchObject([
    { kind: 'step', id: 'a', state: 'change', fields },
    { kind: 'step', id: 'b', state: 'failed', error: 'said ***' },
  ])
})

test('tasks that wait for each other are an error in the list and are named', () => {
  expect(() => inOrder([task('a', ['c']), task('b', ['a']), task('c', ['b'])])).toThrow(
    'tasks wait for each other: a → c → b → a',
  )
  expect(() => inOrder([task('self', ['self'])])).toThrow('self → self')
})

test('the longest chain is determined by measured time, not by number', () => {
  const done = (id: string, after: string[], started: number, ended: number): Outcome => ({
    task: task(id),
    after: after.map(the),
    state: 'ok',
    started,
    ended,
  })
  const outcomes = [
    done('short1', [], 0, 10),
    done('short2', ['short1'], 10, 20),
    done('short3', ['short2'], 20, 30),
    done('long', [], 0, 100),
    done('end', ['short3', 'long'], 100, 105),
    { task: task('skipped'), after: [the('end')], state: 'skipped' } as Outcome,
  ]
  expect(criticalPath(outcomes)).toMatchObject({ ms: 105, ids: expect.arrayContaining(['long', 'end']) })
  expect(criticalPath(outcomes).ids.slice(0, 2)).toEqual(['long', 'end'])
  expect(criticalPath([])).toEqual({ ms: 0, ids: [] })
})

test('fields that differ, as texts', () => {
  expect(differing(['a', 1, '1'], ['b', 'x', 'y'], ['c', null, 2], ['d', undefined, true])).toEqual([
    { name: 'b', before: 'x', after: 'y' },
    { name: 'c', before: undefined, after: '2' },
    { name: 'd', before: undefined, after: 'true' },
  ])
})
