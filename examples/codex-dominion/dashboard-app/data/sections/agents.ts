import { agentColumns } from '../columns'
import type { Section } from '../types'

export const agents: Section = {
  slug: 'agents',
  title: 'Agents',
  icon: 'agents',
  summary: 'The workforce: named agents with a role, a council and a status.',
  handmade: true,
  pages: [
    {
      slug: 'roster',
      title: 'Roster',
      description: 'Every agent by name, searchable by role, council or status.',
      widgets: [
        {
          kind: 'table',
          title: 'All agents',
          source: 'agents',
          columns: agentColumns,
          sort: { field: 'name' },
          search: true,
          empty: 'No agent is registered.',
        },
      ],
    },
    {
      slug: 'roles',
      title: 'Roles',
      description: 'Which skills the dominion has, and how many agents stand behind each.',
      widgets: [
        {
          kind: 'breakdown',
          title: 'Agents per role',
          source: 'agents',
          by: 'role',
          empty: 'No role is filled.',
        },
        {
          kind: 'table',
          title: 'Agents by role',
          source: 'agents',
          columns: agentColumns,
          sort: { field: 'role' },
          empty: 'No agent is registered.',
        },
      ],
    },
    {
      slug: 'availability',
      title: 'Availability',
      description: 'Who can take work now, and who cannot.',
      widgets: [
        {
          kind: 'stats',
          items: [
            { label: 'Agents', source: 'agents', compute: 'count' },
            {
              label: 'Active',
              source: 'agents',
              compute: 'count',
              where: [{ field: 'status', is: ['active', 'ready', 'online', 'busy'] }],
            },
            {
              label: 'Share active',
              source: 'agents',
              compute: 'share',
              where: [{ field: 'status', is: ['active', 'ready', 'online', 'busy'] }],
            },
          ],
        },
        {
          kind: 'breakdown',
          title: 'Agents by status',
          source: 'agents',
          by: 'status',
          empty: 'No agent is registered.',
        },
      ],
    },
    {
      slug: 'standby',
      title: 'Standby',
      description: 'Agents that are not active: idle, paused, resting or retired.',
      widgets: [
        {
          kind: 'table',
          title: 'Not active',
          source: 'agents',
          columns: agentColumns,
          where: [{ field: 'status', not: ['active', 'ready', 'online', 'busy'] }],
          sort: { field: 'status' },
          empty: 'Every agent is active.',
        },
        {
          kind: 'notes',
          title: 'Before waking an agent',
          items: [
            'Look at its council’s charter: is the work still wanted?',
            'Look at the workflow queue: is there work waiting at all?',
            'An agent on standby costs nothing; a busy one without work hides a fault.',
          ],
        },
      ],
    },
    {
      slug: 'onboarding',
      title: 'Onboarding',
      description: 'The path of a new agent from registration to its first completed run.',
      widgets: [
        {
          kind: 'steps',
          title: 'From name to first run',
          steps: [
            { title: 'Register', text: 'Give the agent a name nobody else has, and one role.' },
            { title: 'Seat', text: 'Assign it to the council whose charter covers that role.' },
            { title: 'Brief', text: 'Write or pick the capsules it should know before it acts.' },
            { title: 'Try', text: 'Start a small workflow and follow its job until it has finished.' },
            { title: 'Activate', text: 'Set the status to active; it now counts as available.' },
          ],
        },
        {
          kind: 'table',
          title: 'Waiting for a seat',
          source: 'agents',
          columns: agentColumns,
          where: [{ field: 'council_id', empty: true }],
          empty: 'Nobody waits: every agent has a seat.',
        },
      ],
    },
  ],
}
