import { afterEach, expect, test, vi } from 'vitest'
import { createRedactor } from '../../../lib/shell/redactor.ts'
import { endLine, openScreen, type ScreenOptions } from '../../../lib/tasks/renderer.ts'
import type { Task } from '../../../lib/tasks/task.ts'

const known = new Map<string, Task>()
function task(id: string): Task {
  const one = known.get(id) ?? ({ id, title: `Step ${id}`, part: 'azure' } as Task)
  known.set(id, one)
  return one
}
const timed = /^\d\d:\d\d:\d\d /

async function plainScreen(more: Partial<ScreenOptions> = {}) {
  const lines: string[] = []
  const screen = await openScreen({
    tasks: [task('a'), task('b')],
    renderer: 'verbose',
    verbose: false,
    write: (line) => lines.push(line),
    clean: createRedactor(['hunter2']).clean,
    ...more,
  })
  return { screen, lines, said: () => lines.map((line) => line.replace(timed, '')) }
}

afterEach(() => void vi.useRealTimers())

test('plain lines: one per event, each with its time, no secrets, no colours', async () => {
  const { screen, lines, said } = await plainScreen()
  screen.started(task('a'))
  screen.logged(task('a'), 'starting with hunter2')
  screen.ended({
    task: task('a'),
    after: [],
    state: 'create',
    difference: { state: 'create', what: 'made', effects: [] },
    started: 0,
    ended: 1234,
  })
  screen.ended({
    task: task('b'),
    after: [],
    state: 'failed',
    error: new Error('no hunter2\nand more'),
    started: 0,
    ended: 10,
  })
  await screen.finished()
  expect(said()).toEqual([
    'Step a …',
    'Step a: starting with ***',
    'Step a: made [1.2 s]',
    'Step b: failed: no *** [0 s]',
  ])
  expect(lines.every((line) => timed.test(line))).toBe(true)
  expect(lines.join('')).not.toContain('\u001b')
})

test('a tool’s output is shown only with --verbose, a task’s own log always', async () => {
  const quiet = await plainScreen()
  quiet.screen.logged(task('a'), 'chatter\n', 'stdout')
  quiet.screen.logged(task('a'), 'own words')
  expect(quiet.said()).toEqual(['Step a: own words'])
  const verbose = await plainScreen({ verbose: true })
  verbose.screen.logged(task('a'), 'one\r\n\ntwo  \n', 'stderr')
  expect(verbose.said()).toEqual(['Step a: one', 'Step a: two'])
})

test('a long task prints a line every 30 s with the tool’s last output until it ends', async () => {
  vi.useFakeTimers()
  const { screen, said } = await plainScreen()
  screen.started(task('a'))
  vi.advanceTimersByTime(29_000)
  expect(said()).toHaveLength(1)
  vi.advanceTimersByTime(1000)
  // The colours of a tool are left out.
  screen.logged(
    task('a'),
    '\u001b[1mLayer 1\u001b[22m\n\u001b[38;5;2mLayer 2 of hunter2\u001b[0m\n',
    'stdout',
  )
  vi.advanceTimersByTime(60_000)
  screen.ended({
    task: task('a'),
    after: [],
    state: 'ok',
    difference: { state: 'ok', reason: 'x' },
    started: 0,
    ended: 90_000,
  })
  vi.advanceTimersByTime(300_000)
  expect(said()).toEqual([
    'Step a …',
    'Step a: still running, 30 s',
    'Step a: still running, 1 min (Layer 2 of ***)',
    'Step a: still running, 1 min 30 s (Layer 2 of ***)',
    'Step a: ok, x [1 min 30 s]',
  ])
})

test('silent is silent', async () => {
  const { screen, lines } = await plainScreen({ renderer: 'silent' })
  screen.started(task('a'))
  screen.logged(task('a'), 'x')
  for (const id of ['a', 'b']) screen.ended({ task: task(id), after: [], state: 'skipped' })
  await screen.finished()
  expect(lines).toEqual([])
})

test('the message of a finished task', () => {
  expect(endLine({ task: task('a'), after: [], state: 'skipped' })).toBe('Step a: not started')
  expect(
    endLine({
      task: task('a'),
      after: [],
      state: 'ok',
      difference: { state: 'ok', reason: 'it is there' },
      started: 5,
      ended: 105,
    }),
  ).toBe('Step a: ok, it is there [0.1 s]')
})

test('the animated list receives no terminal control characters', async () => {
  const written: string[] = []
  const keep = (chunk: unknown) => {
    written.push(String(chunk))
    return true
  }
  const spies = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, 'write').mockImplementation(keep as never),
  )
  const attack = '\u001b]0;owned\u0007\u009b2J\u202eover'
  const foreign = { ...task('a'), title: `Step ${attack}` }
  const screen = await openScreen({
    tasks: [foreign],
    renderer: 'default',
    verbose: true,
    write: () => {},
    clean: createRedactor(['hunter2']).clean,
  })
  screen.started(foreign)
  screen.logged(foreign, `10 %\r20 % ${attack} hunter2\n`, 'stdout')
  screen.ended({ task: foreign, after: [], state: 'failed', error: new Error(attack), started: 0, ended: 1 })
  await screen.finished()
  for (const spy of spies) spy.mockRestore()
  const text = written.join('')
  expect(text).toContain('\\x1b]0;owned\\x07\\x9b2J\\u202eover')
  for (const part of ['\u001b]0', '\u0007', '\u009b', '\u202e', 'hunter2']) expect(text).not.toContain(part)
})

test('both clouds are groups, and tasks not started are skipped', async () => {
  const [azure, ionos] = [task('azure'), { ...task('ionos'), part: 'ionos' } as Task]
  const { screen, said } = await plainScreen({ tasks: [azure, ionos] })
  screen.started(ionos)
  for (const one of [ionos, azure]) screen.ended({ task: one, after: [], state: 'skipped' })
  await screen.finished()
  expect(said()).toEqual(['Step ionos …', 'Step ionos: not started', 'Step azure: not started'])
})
