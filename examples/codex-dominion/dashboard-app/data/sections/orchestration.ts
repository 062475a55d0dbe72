import { agentColumns, capsuleColumns, councilColumns, workflowColumns } from '../columns'
import type { Section } from '../types'

export const orchestration: Section = {
  slug: 'orchestration',
  title: 'Orchestration',
  icon: 'orchestration',
  summary: 'How councils, agents, workflows and capsules fit together.',
  widgets: [
    {
      kind: 'stats',
      items: [
        { label: 'Councils', source: 'councils', compute: 'count' },
        { label: 'Agents', source: 'agents', compute: 'count' },
        { label: 'Workflows', source: 'workflows', compute: 'count' },
        { label: 'Capsules', source: 'capsules', compute: 'count' },
      ],
    },
    {
      kind: 'steps',
      title: 'From purpose to result',
      steps: [
        { title: 'A council decides', text: 'Its charter says what outcome is wanted.' },
        { title: 'An agent takes it up', text: 'One with the right role, sitting in that council.' },
        { title: 'A workflow does it', text: 'Queued, run by a worker, recorded when done.' },
        { title: 'A capsule keeps it', text: 'What was learnt is sealed for the next decision.' },
      ],
    },
  ],
  pages: [
    {
      slug: 'pipeline',
      title: 'Pipeline',
      description: 'Work in flight: by state, from waiting to finished.',
      widgets: [
        {
          kind: 'breakdown',
          title: 'Workflows by state',
          source: 'workflows',
          by: 'status',
          empty: 'Nothing is in flight.',
        },
        {
          kind: 'table',
          title: 'In flight',
          source: 'workflows',
          columns: workflowColumns,
          sort: { field: 'status' },
          empty: 'No workflow is defined.',
        },
      ],
    },
    {
      slug: 'handoffs',
      title: 'Handoffs',
      description: 'Who passes work to whom: agents beside the councils they answer to.',
      widgets: [
        {
          kind: 'table',
          title: 'Councils',
          source: 'councils',
          columns: councilColumns,
          sort: { field: 'name' },
          empty: 'No council has been founded yet.',
        },
        {
          kind: 'table',
          title: 'Their agents',
          source: 'agents',
          columns: agentColumns,
          sort: { field: 'council_id' },
          empty: 'No agent is registered.',
        },
      ],
    },
    {
      slug: 'workers',
      title: 'Workers',
      description: 'The processes that take jobs from the queue.',
      widgets: [
        {
          kind: 'stats',
          items: [
            { label: 'Workers', source: 'queue', compute: 'field', field: 'workers', format: 'number' },
            { label: 'Jobs waiting', source: 'queue', compute: 'field', field: 'depth', format: 'number' },
          ],
        },
        {
          kind: 'notes',
          title: 'How a worker works',
          items: [
            'It waits on one queue, takes one job at a time and records the result.',
            'It is restarted by the platform when it ends, so a crash costs one job, not the day.',
            'More workers make the queue shorter, not a single job faster.',
          ],
        },
      ],
    },
    {
      slug: 'capsule-flow',
      title: 'Capsule flow',
      description: 'Knowledge on its way through the system: what arrived lately, on which topic.',
      widgets: [
        {
          kind: 'table',
          title: 'Arrived lately',
          source: 'capsules',
          columns: capsuleColumns,
          sort: { field: 'updated_at', descending: true },
          limit: 10,
          empty: 'No capsule has arrived yet.',
        },
        {
          kind: 'breakdown',
          title: 'By topic',
          source: 'capsules',
          by: 'topic',
          empty: 'No capsule has arrived yet.',
        },
      ],
    },
  ],
}
