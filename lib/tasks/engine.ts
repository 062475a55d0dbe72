import type { Runner } from '../shell/runner.ts'
import { exitCode, getMessage, isUnanswered, OpsError, unknownError } from '../util/errors.ts'
import {
  type Ahead,
  type CurrentEffect,
  type Difference,
  type Log,
  nothingAhead,
  ok,
  type Task,
  type TaskEffect,
} from './task.ts'

export interface Outcome {
  task: Task
  /** The tasks it waited for, including the lock. */
  after: readonly Task[]
  /** `skipped`: not started, because an earlier one failed or the operator interrupted. */
  state: Difference['state'] | 'failed' | 'skipped'
  difference?: Difference
  /** What it found or created, for the tasks that follow. */
  fact?: unknown
  error?: unknown
  /** It failed, or was abandoned, during a change, which may be incomplete. */
  changing?: true
  /** Milliseconds since the start of the run. */
  started?: number
  ended?: number
}

/** Receives the events of the tasks as they run. */
export interface Listener {
  started(task: Task): void
  /** `from` is set when it is a tool's output, unset when it is the task's own log. */
  logged(task: Task, line: string, from?: 'stdout' | 'stderr'): void
  ended(outcome: Outcome): void
}

export interface EngineOptions {
  mode: 'plan' | 'apply'
  runner: Runner
  listener?: Listener
  /** Every task except those of the part `prepare` waits for this one, which waits for those. */
  lock?: Task | undefined
  /** Aborted on the first Ctrl-C: running tasks finish, and no new one starts. */
  stopping: AbortSignal
  /** Aborted on the second Ctrl-C: running tasks are abandoned. */
  signal?: AbortSignal
}

/**
 * Runs each task as soon as those it waits for are done: inspects it and, in `apply` mode, runs the effects
 * of the difference. The same list serves as the plan, the deploy, the resumed deploy and the run with
 * nothing to do. Never rejects because of a failed task: its outcome carries the error. Throws when a list
 * refers to a task that is not in it.
 */
export async function executeTasks(tasks: readonly Task[], options: EngineOptions): Promise<Outcome[]> {
  const origin = performance.now()
  const now = () => Math.round(performance.now() - origin)
  const outcomes = new Map<Task, Outcome>()
  const running = new Map<Task, Promise<Outcome>>()
  let broken = false
  const stopped = new Promise<never>((_, reject) => {
    options.signal?.addEventListener('abort', () => reject(options.signal?.reason), { once: true })
  })
  stopped.catch(() => {})
  const ahead = createAhead(outcomes, options.mode)

  function end(outcome: Outcome): Outcome {
    outcomes.set(outcome.task, outcome)
    if (outcome.state === 'failed') broken = true
    if (outcome.started !== undefined) {
      const { task, state, error, difference, started, ended } = outcome
      options.runner.transcript.write({
        kind: 'step',
        id: task.id,
        state,
        ms: (ended ?? 0) - started,
        ...(error ? { error: getMessage(error) } : {}),
        ...(difference && 'fields' in difference ? { fields: difference.fields } : {}),
      })
    }
    options.listener?.ended(outcome)
    return outcome
  }

  async function perform({ task, after }: Placed): Promise<Outcome> {
    await Promise.all(after.map((each) => running.get(each)))
    if (broken || options.stopping.aborted) return end({ task, after, state: 'skipped' })
    const started = now()
    options.listener?.started(task)
    const log: Log = (line, from) => options.listener?.logged(task, line, from)
    const applies = options.mode === 'apply'
    let changing = false
    let fact: unknown
    try {
      const found = await Promise.race([task.inspect(ahead), stopped])
      changing = applies && (found.state === 'create' || found.state === 'change')
      const made = applies
        ? await Promise.race([apply(task, found, options.runner, log), stopped])
        : undefined
      fact = made ?? found.fact
      if (changing) await Promise.race([task.verify?.(fact, log), stopped])
      const difference = applies && 'manual' in found ? ok(found.what) : found
      return end({ task, after, state: difference.state, difference, fact, started, ended: now() })
    } catch (error) {
      const difference = options.mode === 'plan' ? asUnknown(error) : undefined
      if (difference) return end({ task, after, state: 'unknown', difference, started, ended: now() })
      const failed = { error, fact, ...(changing ? { changing } : {}) }
      return end({ task, after, state: 'failed', ...failed, started, ended: now() })
    }
  }

  for (const placed of inOrder(tasks, options.lock)) running.set(placed.task, perform(placed))
  return Promise.all(running.values())
}

function createAhead(outcomes: ReadonlyMap<Task, Outcome>, mode: EngineOptions['mode']): Ahead {
  const outcomeOf = (task: Task): Outcome => {
    const outcome = outcomes.get(task)
    if (outcome) return outcome
    throw new Error(`a task refers to ${task.id} without waiting for it`)
  }
  const stateOf = (task: Task | undefined) => (task && mode === 'plan' ? outcomeOf(task).state : undefined)
  return {
    willChange: (task) => ['create', 'change', 'unknown'].includes(stateOf(task) ?? ''),
    isUnknown: (task) => stateOf(task) === 'unknown',
    fact<Fact>(task: Task<Fact>): Fact {
      const { fact, state } = outcomeOf(task)
      if (fact !== undefined) return fact as Fact
      if (state === 'unknown') throw unknownError(`the state of “${task.title}” is unknown`)
      throw new Error(`${task.id} provides no fact`)
    },
  }
}

/** What a task found or created; undefined when it did not get that far or is not in the list. */
export const getFact = <Fact>(outcomes: readonly Outcome[], task: Task<Fact> | undefined): Fact | undefined =>
  outcomes.find((outcome) => outcome.task === task)?.fact as Fact | undefined

async function apply(task: Task, difference: Difference, runner: Runner, log: Log): Promise<unknown> {
  if (difference.state === 'ok') return undefined
  if (difference.state === 'unknown') {
    throw new OpsError({ what: difference.why, next: difference.next, exitCode: exitCode.unknown })
  }
  let current: CurrentEffect = { index: -1, change: difference }
  try {
    if (task.apply) return await task.apply(difference, log)
    for (const [index, effect] of difference.effects.entries()) {
      current = { effect, index, change: difference }
      const before = await task.beforeEach?.(current, log)
      await runEffect(runner, effect, log)
      await task.afterEach?.(current, before, log)
    }
    return await task.afterAll?.(difference, log)
  } catch (thrown) {
    throw task.onFailure ? await task.onFailure(thrown, current, log) : thrown
  } finally {
    task.always?.()
  }
}

async function runEffect(runner: Runner, effect: TaskEffect, log: Log): Promise<void> {
  if ('url' in effect) await runner.request(effect)
  else if ('text' in effect) await runner.query(effect)
  else await runner.run(effect, log)
}

/** Runs a task outside a list, on behalf of another task. Returns whether it changed anything. */
export async function performTask(
  task: Task,
  runner: Runner,
  log: Log,
  ahead: Ahead = nothingAhead,
): Promise<boolean> {
  const difference = await task.inspect(ahead)
  await apply(task, difference, runner, log)
  return difference.state !== 'ok'
}

/** In a plan, a cloud that does not answer or has no login is `unknown`, not a failure. */
function asUnknown(error: unknown): Difference | undefined {
  if (!isUnanswered(error)) return undefined
  const { what, next } = error.failure
  return { state: 'unknown', why: what, next }
}

interface Placed {
  task: Task
  after: readonly Task[]
}

/** Orders the tasks. Throws for the mistakes of a list: a cycle, and a reference to a task that is not in it. */
export function inOrder(tasks: readonly Task[], lock?: Task): Placed[] {
  const prepare = tasks.filter(({ part }) => part === 'prepare')
  const all = lock ? [...prepare, lock, ...tasks.filter(({ part }) => part !== 'prepare')] : tasks
  const known = new Set(all)
  const placed = new Map<Task, Placed>()
  const predecessors = (task: Task): Task[] => {
    const named = (task.after ?? []).filter((each) => each !== undefined)
    const foreign = named.find((each) => !known.has(each))
    if (foreign) throw new Error(`${task.id} waits for ${foreign.id}, which is not in the list`)
    if (task === lock) return prepare
    return lock && task.part !== 'prepare' ? [...named, lock] : named
  }
  const place = (task: Task, path: readonly Task[]) => {
    if (placed.has(task)) return
    if (path.includes(task)) {
      throw new Error(`tasks wait for each other: ${[...path, task].map(({ id }) => id).join(' → ')}`)
    }
    const after = predecessors(task)
    for (const earlier of after) place(earlier, [...path, task])
    placed.set(task, { task, after })
  }
  for (const task of all) place(task, [])
  return [...placed.values()]
}

/** The duration in milliseconds of the longest chain of dependent tasks: no schedule can be faster. */
export function criticalPath(outcomes: readonly Outcome[]): { ms: number; ids: string[] } {
  const byTask = new Map(outcomes.map((outcome) => [outcome.task, outcome]))
  const known = new Map<Task, { ms: number; ids: string[] }>()
  const chainTo = (outcome: Outcome): { ms: number; ids: string[] } => {
    const already = known.get(outcome.task)
    if (already) return already
    const before = outcome.after
      .flatMap((task) => byTask.get(task) ?? [])
      .map(chainTo)
      .sort((a, b) => b.ms - a.ms)[0] ?? { ms: 0, ids: [] }
    const chain = { ms: before.ms + getDuration(outcome), ids: [...before.ids, outcome.task.id] }
    known.set(outcome.task, chain)
    return chain
  }
  return outcomes.map(chainTo).sort((a, b) => b.ms - a.ms)[0] ?? { ms: 0, ids: [] }
}

export const getDuration = ({ started, ended }: Outcome): number => (ended ?? 0) - (started ?? 0)
