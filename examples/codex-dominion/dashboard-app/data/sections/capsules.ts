import { capsuleColumns } from '../columns'
import type { Section } from '../types'

export const capsules: Section = {
  slug: 'capsules',
  title: 'Capsules',
  icon: 'capsules',
  summary: 'Sealed pieces of knowledge that the advisor searches when it answers.',
  widgets: [
    {
      kind: 'stats',
      items: [
        { label: 'Capsules', source: 'ai', compute: 'field', field: 'capsules', format: 'number' },
        {
          label: 'Touched this week',
          source: 'capsules',
          compute: 'count',
          where: [{ field: 'updated_at', withinHours: 168 }],
        },
      ],
    },
    {
      kind: 'table',
      title: 'Latest capsules',
      source: 'capsules',
      columns: capsuleColumns,
      sort: { field: 'updated_at', descending: true },
      limit: 6,
      empty: 'No capsule has been sealed yet.',
    },
  ],
  pages: [
    {
      slug: 'catalogue',
      title: 'Catalogue',
      description: 'Every capsule, searchable by title and topic.',
      widgets: [
        {
          kind: 'table',
          title: 'All capsules',
          source: 'capsules',
          columns: [
            { field: 'title', label: 'Capsule' },
            { field: 'topic', label: 'Topic' },
            { field: 'body', label: 'Text' },
          ],
          sort: { field: 'title' },
          search: true,
          empty: 'The catalogue is empty.',
        },
      ],
    },
    {
      slug: 'topics',
      title: 'Topics',
      description: 'What the knowledge is about: how many capsules on each topic.',
      widgets: [
        {
          kind: 'breakdown',
          title: 'Capsules per topic',
          source: 'capsules',
          by: 'topic',
          empty: 'No capsule has been sealed yet.',
        },
      ],
    },
    {
      slug: 'freshness',
      title: 'Freshness',
      description: 'Capsules nobody has touched for a month: still true?',
      widgets: [
        {
          kind: 'table',
          title: 'Older than thirty days',
          source: 'capsules',
          columns: capsuleColumns,
          where: [{ field: 'updated_at', olderThanHours: 720 }],
          sort: { field: 'updated_at' },
          empty: 'Every capsule was touched within thirty days.',
        },
        {
          kind: 'notes',
          title: 'Reviewing a capsule',
          items: [
            'Ask the advisor a question it should answer; read what comes back.',
            'Wrong is worse than missing: withdraw first, rewrite later.',
            'One capsule, one subject. Split what answers two questions.',
          ],
        },
      ],
    },
    {
      slug: 'search',
      title: 'Search',
      description: 'Ask for a capsule in plain words and read the passage that answers.',
      widgets: [
        {
          kind: 'ask',
          title: 'Search the capsules',
          suggestions: ['dawn dispatch', 'monthly cost', 'what a capsule is'],
        },
      ],
    },
  ],
}
