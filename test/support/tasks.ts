import { ok, type Task } from '../../lib/tasks/task.ts'

/** A task with nothing to do, for another one to wait for. */
export const createTask = <Fact = unknown>(id: string, after: readonly Task[] = []): Task<Fact> => ({
  ...{ id, title: `Title of ${id}`, part: 'azure', after },
  inspect: async () => ok('there'),
})
