import { metricColumns } from '../columns'
import type { Section } from '../types'

export const metrics: Section = {
  slug: 'metrics',
  title: 'Metrics',
  icon: 'metrics',
  summary: 'Every figure the system records, as series, table and comparison.',
  widgets: [
    {
      kind: 'stats',
      items: [
        { label: 'Records', source: 'metrics', compute: 'count' },
        {
          label: 'Within a day',
          source: 'metrics',
          compute: 'count',
          where: [{ field: 'recorded_at', withinHours: 24 }],
        },
      ],
    },
    { kind: 'trend', title: 'All series', empty: 'No figure has been recorded yet.' },
  ],
  pages: [
    {
      slug: 'series',
      title: 'Series',
      description: 'Each metric as a small chart with its latest value.',
      widgets: [{ kind: 'trend', title: 'Series', empty: 'No series has been recorded yet.' }],
    },
    {
      slug: 'latest',
      title: 'Latest values',
      description: 'The fifty most recent records.',
      widgets: [
        {
          kind: 'table',
          title: 'Newest first',
          source: 'metrics',
          columns: metricColumns,
          sort: { field: 'recorded_at', descending: true },
          limit: 50,
          search: true,
          empty: 'No figure has been recorded yet.',
        },
      ],
    },
    {
      slug: 'catalogue',
      title: 'Catalogue',
      description: 'Which metrics exist and how many records each has.',
      widgets: [
        {
          kind: 'breakdown',
          title: 'Records per metric',
          source: 'metrics',
          by: 'name',
          empty: 'No metric is known.',
        },
        {
          kind: 'breakdown',
          title: 'Records per unit',
          source: 'metrics',
          by: 'unit',
          empty: 'No unit is known.',
        },
      ],
    },
    {
      slug: 'measurements',
      title: 'Measurements',
      description: 'Figures that workflows measure and leave behind, apart from the ledger.',
      widgets: [
        {
          kind: 'trend',
          title: 'Left by workflows',
          contains: ['balance', 'net'],
          empty: 'No workflow has measured anything yet: start one on the launchpad.',
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
      slug: 'money',
      title: 'Money',
      description: 'Every figure that has a currency as its unit.',
      widgets: [
        {
          kind: 'table',
          title: 'In a currency',
          source: 'metrics',
          columns: metricColumns,
          where: [{ field: 'unit', is: ['usd', 'eur', 'gbp', 'chf', '$', '€'] }],
          sort: { field: 'recorded_at', descending: true },
          limit: 50,
          empty: 'No figure in a currency has been recorded yet.',
        },
      ],
    },
  ],
}
