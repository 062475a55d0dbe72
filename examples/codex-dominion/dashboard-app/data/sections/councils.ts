import { agentColumns, councilColumns } from '../columns'
import type { Section } from '../types'

export const councils: Section = {
  slug: 'councils',
  title: 'Councils',
  icon: 'councils',
  summary: 'Standing bodies that own a purpose and the agents who carry it out.',
  handmade: true,
  pages: [
    {
      slug: 'directory',
      title: 'Council directory',
      description: 'Every council in one searchable list, with its purpose and its number of agents.',
      widgets: [
        {
          kind: 'table',
          title: 'All councils',
          source: 'councils',
          columns: councilColumns,
          sort: { field: 'name' },
          search: true,
          empty: 'No council has been founded yet.',
        },
      ],
    },
    {
      slug: 'charters',
      title: 'Charters',
      description: 'What each council exists for, in its own words, and what a good charter says.',
      widgets: [
        {
          kind: 'table',
          title: 'Purpose of each council',
          source: 'councils',
          columns: [
            { field: 'name', label: 'Council' },
            { field: 'purpose', label: 'Charter' },
          ],
          sort: { field: 'name' },
          empty: 'No charter is on record.',
        },
        {
          kind: 'table',
          title: 'Charters still to be written',
          note: 'A council without a purpose cannot be held to one.',
          source: 'councils',
          columns: councilColumns,
          where: [{ field: 'purpose', empty: true }],
          empty: 'Every council has a charter.',
        },
        {
          kind: 'notes',
          title: 'A good charter',
          items: [
            'Names one outcome, not a list of activities.',
            'Says what the council may decide alone and what it must bring to others.',
            'Names the metric by which the council wants to be judged.',
          ],
        },
      ],
    },
    {
      slug: 'capacity',
      title: 'Capacity',
      description: 'Where the agents are: councils by size, and the average that goes with it.',
      widgets: [
        {
          kind: 'stats',
          items: [
            { label: 'Councils', source: 'councils', compute: 'count' },
            { label: 'Seats taken', source: 'councils', compute: 'sum', field: 'agents' },
            { label: 'Agents on record', source: 'agents', compute: 'count' },
          ],
        },
        {
          kind: 'breakdown',
          title: 'Agents per council',
          source: 'councils',
          by: 'name',
          sum: 'agents',
          empty: 'There is no council to compare.',
        },
      ],
    },
    {
      slug: 'coverage',
      title: 'Coverage',
      description: 'Councils that nobody serves, and agents that serve nobody.',
      widgets: [
        {
          kind: 'table',
          title: 'Councils without agents',
          source: 'councils',
          columns: councilColumns,
          where: [{ field: 'agents', max: 0 }],
          empty: 'Every council has at least one agent.',
        },
        {
          kind: 'table',
          title: 'Agents without a council',
          source: 'agents',
          columns: agentColumns,
          where: [{ field: 'council_id', empty: true }],
          empty: 'Every agent belongs to a council.',
        },
      ],
    },
    {
      slug: 'membership',
      title: 'Membership',
      description: 'Who sits in which council, sorted by council.',
      widgets: [
        {
          kind: 'table',
          title: 'Seats',
          source: 'agents',
          columns: [
            { field: 'council_id', label: 'Council', format: 'council' },
            { field: 'name', label: 'Agent' },
            { field: 'role', label: 'Role' },
          ],
          sort: { field: 'council_id' },
          search: true,
          empty: 'No seat is taken.',
        },
      ],
    },
  ],
}
