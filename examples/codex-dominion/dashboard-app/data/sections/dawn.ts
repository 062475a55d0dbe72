import { workflowColumns } from '../columns'
import type { Section } from '../types'

const DAWN = ['dawn', 'dispatch', 'daily', 'morning']

export const dawn: Section = {
  slug: 'dawn-dispatch',
  title: 'Dawn dispatch',
  icon: 'dawn',
  summary: 'The first run of the day: collect the night’s figures and hand out the work.',
  widgets: [
    {
      kind: 'stats',
      items: [
        {
          label: 'Runs within a day',
          source: 'workflows',
          compute: 'count',
          where: [{ field: 'last_run_at', withinHours: 24 }],
          hint: 'workflows that ran in the last 24 hours',
        },
        { label: 'Agents', source: 'agents', compute: 'count' },
        { label: 'Jobs waiting', source: 'queue', compute: 'field', field: 'depth', format: 'number' },
      ],
    },
    {
      kind: 'run',
      title: 'Dispatch now',
      note: 'Starts the morning workflows without waiting for dawn.',
      contains: DAWN,
    },
  ],
  pages: [
    {
      slug: 'today',
      title: 'Today',
      description: 'What has run within the last twenty-four hours.',
      widgets: [
        {
          kind: 'table',
          title: 'Ran today',
          source: 'workflows',
          columns: workflowColumns,
          where: [{ field: 'last_run_at', withinHours: 24 }],
          sort: { field: 'last_run_at', descending: true },
          empty: 'Nothing has run within twenty-four hours.',
        },
      ],
    },
    {
      slug: 'checklist',
      title: 'Morning checklist',
      description: 'Five checks before the day begins, in the order that finds faults first.',
      widgets: [
        {
          kind: 'steps',
          title: 'Every morning',
          steps: [
            { title: 'Is everything reachable?', text: 'Open Health → API areas; all rows should be green.' },
            {
              title: 'Did the night’s work run?',
              text: 'Open Dawn dispatch → Today; compare with yesterday.',
            },
            { title: 'Is the queue empty?', text: 'Open Workflows → Queue; an old job needs attention.' },
            { title: 'Is the money right?', text: 'Open Treasury; a jump in outflow needs a reason.' },
            { title: 'Who is available?', text: 'Open Agents → Availability before handing out work.' },
          ],
        },
        { kind: 'probe', title: 'First look, right now', sources: ['workflows', 'agents', 'treasury', 'ai'] },
      ],
    },
    {
      slug: 'briefing',
      title: 'Briefing',
      description: 'The figures of the day on one screen.',
      widgets: [
        {
          kind: 'stats',
          items: [
            { label: 'Balance', source: 'treasury', compute: 'field', field: 'balance', format: 'money' },
            { label: 'Councils', source: 'councils', compute: 'count' },
            { label: 'Agents', source: 'agents', compute: 'count' },
            { label: 'Workflows', source: 'workflows', compute: 'count' },
            { label: 'Capsules', source: 'ai', compute: 'field', field: 'capsules', format: 'number' },
            { label: 'Jobs waiting', source: 'queue', compute: 'field', field: 'depth', format: 'number' },
          ],
        },
        { kind: 'trend', title: 'Every recorded figure', empty: 'No figure has been recorded yet.' },
      ],
    },
    {
      slug: 'overdue',
      title: 'Overdue',
      description: 'Daily work that has not run for more than a day.',
      widgets: [
        {
          kind: 'table',
          title: 'Older than a day',
          source: 'workflows',
          columns: workflowColumns,
          where: [{ field: 'last_run_at', olderThanHours: 24 }],
          sort: { field: 'last_run_at' },
          empty: 'Nothing is overdue.',
        },
      ],
    },
  ],
}
