import { type InstallTarget, listScheduledTasks, type ScheduledTask } from '../../lib/schedule/tasks.ts'

/** A folder whose name contains every character that is special to a scheduler. */
export const target: InstallTarget = {
  folder: "/srv/O'Brien's 100% $HOME & co",
  environment: 'staging',
  path: '/opt/az 2/bin:/usr/bin:/bin',
  user: 'anna',
}

export const launcher = { node: '/opt/node 26/bin/node', bin: `${target.folder}/bin/dominion.js` }

export const tasks = (everyMinutes = 5): ScheduledTask[] =>
  listScheduledTasks(target.environment, everyMinutes, launcher)
