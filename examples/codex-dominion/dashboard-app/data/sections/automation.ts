import { workflowColumns } from '../columns'
import type { Section } from '../types'

export const automation: Section = {
  slug: 'automation',
  title: 'Automation',
  icon: 'automation',
  summary: 'Work that needs no operator: what runs automatically, how often, and with what effect.',
  widgets: [
    {
      kind: 'stats',
      items: [
        { label: 'Automated workflows', source: 'workflows', compute: 'count' },
        { label: 'Runs in total', source: 'workflows', compute: 'sum', field: 'runs' },
        { label: 'Workers', source: 'queue', compute: 'field', field: 'workers', format: 'number' },
      ],
    },
    {
      kind: 'breakdown',
      title: 'Workflows by status',
      source: 'workflows',
      by: 'status',
      empty: 'No workflow is defined.',
    },
  ],
  pages: [
    {
      slug: 'engine',
      title: 'Engine',
      description: 'The automation engine itself: queue depth, workers, last sign of life.',
      widgets: [
        {
          kind: 'stats',
          items: [
            { label: 'Queue', source: 'queue', compute: 'field', field: 'name', format: 'mono' },
            { label: 'Depth', source: 'queue', compute: 'field', field: 'depth', format: 'number' },
            { label: 'Workers', source: 'queue', compute: 'field', field: 'workers', format: 'number' },
          ],
        },
        {
          kind: 'table',
          title: 'Last signs of life',
          source: 'workflows',
          columns: workflowColumns,
          sort: { field: 'last_run_at', descending: true },
          limit: 5,
          empty: 'The engine has not run anything yet.',
        },
      ],
    },
    {
      slug: 'treasury-automation',
      title: 'Treasury automation',
      description: 'Workflows that keep the books: reconcile, forecast, report.',
      widgets: [
        {
          kind: 'run',
          title: 'Keep the books',
          contains: ['treasury', 'reconcil', 'ledger', 'forecast', 'finance'],
        },
        { kind: 'trend', title: 'What they record', empty: 'Nothing has been recorded yet.' },
      ],
    },
    {
      slug: 'knowledge-automation',
      title: 'Knowledge automation',
      description: 'Workflows that gather, index and review capsules.',
      widgets: [
        {
          kind: 'run',
          title: 'Tend the capsules',
          contains: ['capsule', 'knowledge', 'index', 'archive', 'review'],
        },
        {
          kind: 'stats',
          items: [{ label: 'Capsules', source: 'ai', compute: 'field', field: 'capsules', format: 'number' }],
        },
      ],
    },
    {
      slug: 'by-hand',
      title: 'Started by hand',
      description: 'Run something now, out of turn, and watch it finish.',
      widgets: [
        { kind: 'run', title: 'Start out of turn' },
        {
          kind: 'notes',
          title: 'Before you press start',
          items: [
            'A run out of turn counts like any other: it changes the run counter and the last run.',
            'A run waits its turn in the queue: with one worker, runs never overlap.',
          ],
        },
      ],
    },
    {
      slug: 'guard-rails',
      title: 'Guard rails',
      description: 'What automation may never do alone, and where a person must approve.',
      widgets: [
        {
          kind: 'steps',
          title: 'The four rules',
          steps: [
            { title: 'Look before acting', text: 'Read the state first; act only on a difference.' },
            { title: 'Repeatable', text: 'The same run twice leaves the same state as once.' },
            { title: 'In one piece', text: 'A run changes its rows in one transaction, or not at all.' },
            { title: 'A person for money', text: 'Nothing moves out of the treasury without a name on it.' },
          ],
        },
      ],
    },
  ],
}
