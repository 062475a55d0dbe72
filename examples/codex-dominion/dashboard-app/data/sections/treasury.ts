import { metricColumns } from '../columns'
import type { Section } from '../types'

export const treasury: Section = {
  slug: 'treasury',
  title: 'Treasury',
  icon: 'treasury',
  summary: 'Balance, what comes in, what goes out, and the figures behind them.',
  handmade: true,
  pages: [
    {
      slug: 'balance',
      title: 'Balance',
      description: 'What the dominion holds now, and how that came about.',
      widgets: [
        {
          kind: 'stats',
          items: [
            { label: 'Balance', source: 'treasury', compute: 'field', field: 'balance', format: 'money' },
            {
              label: 'Ledger entries',
              source: 'treasury',
              compute: 'field',
              field: 'entries',
              format: 'number',
            },
          ],
        },
        {
          kind: 'trend',
          title: 'Balance over time',
          contains: ['balance', 'net'],
          empty: 'No closing balance has been recorded yet: run the workflow treasury-close.',
        },
      ],
    },
    {
      slug: 'inflow',
      title: 'Inflow',
      description: 'Money received: the total, its trend and every record.',
      widgets: [
        {
          kind: 'stats',
          items: [
            {
              label: 'Inflow',
              source: 'treasury',
              compute: 'field',
              field: 'inflow',
              format: 'money',
              hint: 'last 30 days',
            },
          ],
        },
        {
          kind: 'trend',
          title: 'Inflow over time',
          contains: ['inflow', 'revenue', 'income'],
          empty: 'No inflow has been recorded yet.',
        },
        {
          kind: 'table',
          title: 'Records',
          source: 'metrics',
          columns: metricColumns,
          where: [{ field: 'name', contains: ['inflow', 'revenue', 'income'] }],
          sort: { field: 'recorded_at', descending: true },
          limit: 20,
          empty: 'No inflow has been recorded yet.',
        },
      ],
    },
    {
      slug: 'outflow',
      title: 'Outflow',
      description: 'Money spent: the total, its trend and every record.',
      widgets: [
        {
          kind: 'stats',
          items: [
            {
              label: 'Outflow',
              source: 'treasury',
              compute: 'field',
              field: 'outflow',
              format: 'money',
              hint: 'last 30 days',
            },
          ],
        },
        {
          kind: 'trend',
          title: 'Outflow over time',
          contains: ['outflow', 'cost', 'expense'],
          empty: 'No outflow has been recorded yet.',
        },
        {
          kind: 'table',
          title: 'Records',
          source: 'metrics',
          columns: metricColumns,
          where: [{ field: 'name', contains: ['outflow', 'cost', 'expense'] }],
          sort: { field: 'recorded_at', descending: true },
          limit: 20,
          empty: 'No outflow has been recorded yet.',
        },
      ],
    },
    {
      slug: 'ledger',
      title: 'Ledger',
      description: 'Every treasury figure as it was recorded, newest first.',
      widgets: [
        {
          kind: 'table',
          title: 'Records',
          source: 'metrics',
          columns: [
            { field: 'recorded_at', label: 'Recorded', format: 'date' },
            { field: 'name', label: 'Figure', format: 'mono' },
            { field: 'note', label: 'Note' },
            { field: 'value', label: 'Value', format: 'measure', align: 'right' },
          ],
          sort: { field: 'recorded_at', descending: true },
          search: true,
          limit: 100,
          empty: 'The ledger is empty.',
        },
      ],
    },
    {
      slug: 'running-costs',
      title: 'Running costs',
      description: 'What the two clouds cost each month, by part.',
      widgets: [
        {
          kind: 'steps',
          title: 'Monthly estimate, US dollars',
          steps: [
            { title: 'Backend container, about $50', text: '2 CPU, 4 GB, always on.' },
            { title: 'Worker container, about $25', text: '1 CPU, 2 GB, one queue.' },
            { title: 'Redis, about $17', text: 'Queues, sessions and cache.' },
            { title: 'PostgreSQL, about $15', text: 'Burstable tier with automatic backups.' },
            { title: 'VPS, about $5–10', text: 'This site, nginx and the certificate.' },
            { title: 'Domain, about $1.25', text: 'codexdominion.app, paid by the year.' },
          ],
        },
        {
          kind: 'notes',
          title: 'Before trusting these figures',
          items: [
            'They are estimates; the operator’s cost report reads live public prices.',
            'Outgoing traffic and backups beyond the free share come on top.',
          ],
        },
      ],
    },
  ],
}
