import type { Section, SourceName } from '../types'

const ALL: SourceName[] = [
  'workflows',
  'queue',
  'councils',
  'agents',
  'treasury',
  'metrics',
  'ai',
  'capsules',
]

export const health: Section = {
  slug: 'health',
  title: 'Health',
  icon: 'health',
  summary: 'Is it up, is it fast, and what does it look like from your browser?',
  widgets: [{ kind: 'probe', title: 'Every API area, from your browser', sources: ALL }],
  pages: [
    {
      slug: 'api-areas',
      title: 'API areas',
      description: 'One request to each area of the API, with its status and its time.',
      widgets: [
        {
          kind: 'probe',
          title: 'Areas',
          note: 'The target is an answer within 500 ms.',
          sources: ['ai', 'treasury', 'workflows', 'councils', 'agents'],
        },
      ],
    },
    {
      slug: 'database',
      title: 'Database',
      description: 'Areas that answer only when PostgreSQL does.',
      widgets: [
        {
          kind: 'probe',
          title: 'Answers from the database',
          sources: ['councils', 'agents', 'metrics', 'capsules'],
        },
        {
          kind: 'stats',
          items: [
            { label: 'Councils', source: 'councils', compute: 'count', hint: 'rows read' },
            { label: 'Agents', source: 'agents', compute: 'count', hint: 'rows read' },
            { label: 'Metrics', source: 'metrics', compute: 'count', hint: 'rows read' },
          ],
        },
      ],
    },
    {
      slug: 'queue',
      title: 'Queue and cache',
      description: 'Areas that answer only when Redis does, and what waits in it.',
      widgets: [
        { kind: 'probe', title: 'Answers from Redis', sources: ['queue'] },
        {
          kind: 'stats',
          items: [
            { label: 'Jobs waiting', source: 'queue', compute: 'field', field: 'depth', format: 'number' },
            {
              label: 'Oldest job',
              source: 'queue',
              compute: 'field',
              field: 'oldest_seconds',
              format: 'number',
              hint: 'seconds',
            },
            { label: 'Workers', source: 'queue', compute: 'field', field: 'workers', format: 'number' },
          ],
        },
      ],
    },
    {
      slug: 'targets',
      title: 'Targets',
      description: 'What “healthy” means here, in figures.',
      widgets: [
        {
          kind: 'steps',
          title: 'Service level objectives',
          steps: [
            { title: 'Uptime 99.9 %', text: 'At most 43 minutes of outage in a month of thirty days.' },
            { title: 'Static pages under 200 ms', text: 'Served by nginx from disk, near the visitor.' },
            { title: 'API under 500 ms', text: 'Through the proxy, across the internet, from the database.' },
          ],
        },
        { kind: 'probe', title: 'Against the API target', sources: ['ai', 'treasury', 'workflows'] },
      ],
    },
    {
      slug: 'runbook',
      title: 'Runbook',
      description: 'What to do when a row is red, cheapest step first.',
      widgets: [
        {
          kind: 'steps',
          title: 'When something is down',
          steps: [
            {
              title: 'All areas red',
              text: 'The proxy cannot reach the backend: look at its container first.',
            },
            { title: 'Only database areas red', text: 'Check the database server and its firewall rules.' },
            {
              title: 'Only the queue red',
              text: 'Check Redis: its access key or its TLS port may have changed.',
            },
            {
              title: 'All green but slow',
              text: 'Look at CPU and memory of the backend; scale if it is full.',
            },
            {
              title: 'Everything fine here',
              text: 'The fault is between the visitor and this site: check DNS.',
            },
          ],
        },
      ],
    },
  ],
}
