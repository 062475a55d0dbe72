import { agentColumns, metricColumns, workflowColumns } from '../columns'
import type { Section } from '../types'

export const notifications: Section = {
  slug: 'notifications',
  title: 'Notifications',
  icon: 'notifications',
  summary: 'What needs attention: faults first, then news, then the rest.',
  widgets: [
    {
      kind: 'table',
      title: 'Faults',
      note: 'Workflows that failed and need attention.',
      source: 'workflows',
      columns: workflowColumns,
      where: [{ field: 'status', contains: ['fail', 'error', 'stopped'] }],
      empty: 'No fault is waiting. Good.',
    },
    {
      kind: 'table',
      title: 'News of the day',
      source: 'metrics',
      columns: metricColumns,
      where: [{ field: 'recorded_at', withinHours: 24 }],
      sort: { field: 'recorded_at', descending: true },
      limit: 8,
      empty: 'No figure was recorded within twenty-four hours.',
    },
  ],
  pages: [
    {
      slug: 'inbox',
      title: 'Inbox',
      description: 'Runs of the last day, newest first.',
      widgets: [
        {
          kind: 'table',
          title: 'Finished lately',
          source: 'workflows',
          columns: workflowColumns,
          where: [{ field: 'last_run_at', withinHours: 24 }],
          sort: { field: 'last_run_at', descending: true },
          empty: 'The inbox is empty.',
        },
      ],
    },
    {
      slug: 'faults',
      title: 'Faults',
      description: 'Everything in a failed or unavailable state, in one place.',
      widgets: [
        {
          kind: 'table',
          title: 'Failed workflows',
          source: 'workflows',
          columns: workflowColumns,
          where: [{ field: 'status', contains: ['fail', 'error', 'stopped'] }],
          empty: 'No workflow is in a failed state.',
        },
        {
          kind: 'table',
          title: 'Unavailable agents',
          source: 'agents',
          columns: agentColumns,
          where: [{ field: 'status', not: ['active', 'ready', 'online', 'busy'] }],
          empty: 'Every agent is available.',
        },
      ],
    },
    {
      slug: 'digest',
      title: 'Weekly digest',
      description: 'The week in figures, as an e-mail would report it.',
      widgets: [
        {
          kind: 'stats',
          items: [
            {
              label: 'Workflows run',
              source: 'workflows',
              compute: 'count',
              where: [{ field: 'last_run_at', withinHours: 168 }],
            },
            {
              label: 'Figures recorded',
              source: 'metrics',
              compute: 'count',
              where: [{ field: 'recorded_at', withinHours: 168 }],
            },
            {
              label: 'Capsules touched',
              source: 'capsules',
              compute: 'count',
              where: [{ field: 'updated_at', withinHours: 168 }],
            },
          ],
        },
        {
          kind: 'breakdown',
          title: 'Figures by name',
          source: 'metrics',
          by: 'name',
          where: [{ field: 'recorded_at', withinHours: 168 }],
          empty: 'No figure was recorded this week.',
        },
      ],
    },
    {
      slug: 'etiquette',
      title: 'Etiquette',
      description: 'When the system speaks up, and when it stays quiet.',
      widgets: [
        {
          kind: 'notes',
          title: 'The rules',
          items: [
            'Quiet when well. A message means that somebody should do something.',
            'One line on a change, not one line a minute.',
            'A fault is announced after it was seen more than once, then repeated rarely.',
            'When the checker’s own network is down, it says “unknown”, never “outage”.',
          ],
        },
      ],
    },
  ],
}
