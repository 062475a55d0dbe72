import { workflowColumns } from '../columns'
import type { Section } from '../types'

export const workflows: Section = {
  slug: 'workflows',
  title: 'Workflows',
  icon: 'workflows',
  summary: 'Repeatable work: start it, follow its job, see when it last ran.',
  handmade: true,
  pages: [
    {
      slug: 'launchpad',
      title: 'Launchpad',
      description: 'Start any workflow and follow its job to the end.',
      widgets: [
        { kind: 'run', title: 'Ready to start', note: 'A job is queued at once and run by a worker.' },
      ],
    },
    {
      slug: 'history',
      title: 'Run history',
      description: 'Workflows by the time of their last run, newest first.',
      widgets: [
        {
          kind: 'table',
          title: 'Latest runs',
          source: 'workflows',
          columns: [
            { field: 'name', label: 'Workflow' },
            { field: 'last_run_at', label: 'Finished', format: 'date' },
            { field: 'runs', label: 'Runs', format: 'number', align: 'right' },
            { field: 'status', label: 'Status', format: 'status', align: 'right' },
          ],
          where: [{ field: 'last_run_at', empty: false }],
          sort: { field: 'last_run_at', descending: true },
          empty: 'Nothing has run yet. Start a workflow on the launchpad.',
        },
      ],
    },
    {
      slug: 'queue',
      title: 'Queue',
      description: 'How much work is waiting, for how long, and how many workers serve it.',
      widgets: [
        {
          kind: 'stats',
          items: [
            { label: 'Jobs waiting', source: 'queue', compute: 'field', field: 'depth', format: 'number' },
            { label: 'Running', source: 'queue', compute: 'field', field: 'running', format: 'number' },
            {
              label: 'Oldest job',
              source: 'queue',
              compute: 'field',
              field: 'oldest_seconds',
              format: 'number',
              hint: 'seconds in the queue',
            },
            { label: 'Workers', source: 'queue', compute: 'field', field: 'workers', format: 'number' },
          ],
        },
        {
          kind: 'notes',
          title: 'Reading the queue',
          items: [
            'Depth grows and workers is 0: the worker is down. Restart it.',
            'Depth grows with workers present: work arrives faster than it is done. Scale out.',
            'One old job and depth 1: that job hangs. Its log says why.',
          ],
        },
      ],
    },
    {
      slug: 'attention',
      title: 'Needs attention',
      description: 'Workflows that failed, and those that have not run for a week.',
      widgets: [
        {
          kind: 'table',
          title: 'Failed',
          source: 'workflows',
          columns: workflowColumns,
          where: [{ field: 'status', contains: ['fail', 'error', 'stopped'] }],
          empty: 'No workflow is in a failed state.',
        },
        {
          kind: 'table',
          title: 'Not run for seven days',
          source: 'workflows',
          columns: workflowColumns,
          where: [{ field: 'last_run_at', olderThanHours: 168 }],
          sort: { field: 'last_run_at' },
          empty: 'Every workflow that ever ran did so within seven days.',
        },
      ],
    },
    {
      slug: 'volume',
      title: 'Volume',
      description: 'Which workflows do most of the running.',
      widgets: [
        {
          kind: 'stats',
          items: [
            { label: 'Workflows', source: 'workflows', compute: 'count' },
            { label: 'Runs in total', source: 'workflows', compute: 'sum', field: 'runs' },
            {
              label: 'Never run',
              source: 'workflows',
              compute: 'count',
              where: [{ field: 'last_run_at', empty: true }],
            },
          ],
        },
        {
          kind: 'breakdown',
          title: 'Runs per workflow',
          source: 'workflows',
          by: 'name',
          sum: 'runs',
          empty: 'No workflow is defined.',
        },
      ],
    },
    {
      slug: 'never-run',
      title: 'Never run',
      description: 'Defined but never started: try them once, or retire them.',
      widgets: [
        {
          kind: 'table',
          title: 'Waiting for their first run',
          source: 'workflows',
          columns: workflowColumns,
          where: [{ field: 'last_run_at', empty: true }],
          sort: { field: 'name' },
          empty: 'Every workflow has run at least once.',
        },
      ],
    },
  ],
}
