import type { EngineOptions, Outcome } from '../../lib/tasks/engine.ts'
import { ok, type Task } from '../../lib/tasks/task.ts'
import { openRunner } from './helpers.ts'

/** A task that does nothing, for another one to wait for. */
export const createTask = <Fact = unknown>(id: string, after: readonly Task[] = []): Task<Fact> => ({
  ...{ id, title: `Title of ${id}`, part: 'azure', after },
  inspect: async () => ok('there'),
})

/** The last task of each name. */
const made = new Map<string, Task>()
export const the = (id: string): Task => made.get(id)!

export function task(id: string, after: string[] = [], more: Partial<Task> = {}): Task {
  const one: Task = {
    id,
    title: `Title of ${id}`,
    part: 'azure',
    get after() {
      return after.map(the)
    },
    inspect: async () => ok('there'),
    ...more,
  }
  made.set(id, one)
  return one
}

export const engine = (more: Partial<EngineOptions> = {}): EngineOptions => ({
  mode: 'apply',
  runner: openRunner(),
  stopping: new AbortController().signal,
  signal: new AbortController().signal,
  ...more,
})
/** The state of each task, by its id. */
export const states = (outcomes: Outcome[]) =>
  Object.fromEntries(outcomes.map(({ task: { id }, state }) => [id, state]))
