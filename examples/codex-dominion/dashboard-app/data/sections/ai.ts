import { capsuleColumns } from '../columns'
import type { Section } from '../types'

export const ai: Section = {
  slug: 'ai',
  title: 'AI advisor',
  icon: 'ai',
  summary: 'Ask a question; the advisor answers from the capsules and names its source.',
  handmade: true,
  pages: [
    {
      slug: 'status',
      title: 'Advisor status',
      description: 'Which model answers, and how much it has to draw on.',
      widgets: [
        {
          kind: 'stats',
          items: [
            { label: 'Model', source: 'ai', compute: 'field', field: 'model', format: 'text' },
            { label: 'Capsules', source: 'ai', compute: 'field', field: 'capsules', format: 'number' },
            { label: 'Topics', source: 'ai', compute: 'field', field: 'topics', format: 'number' },
          ],
        },
        { kind: 'probe', title: 'Is it reachable?', sources: ['ai', 'capsules'] },
      ],
    },
    {
      slug: 'strategy',
      title: 'Strategy questions',
      description: 'Questions about direction: where to focus next.',
      widgets: [
        {
          kind: 'ask',
          title: 'Ask about strategy',
          suggestions: [
            'What is a capsule and who answers for it?',
            'What does healthy mean?',
            'When should we add workers?',
          ],
        },
        {
          kind: 'notes',
          title: 'Use an answer well',
          items: [
            'The advisor quotes capsules; open the capsule before you act on a quote.',
            'No answer means no capsule: write one, then ask again.',
          ],
        },
      ],
    },
    {
      slug: 'finance',
      title: 'Finance questions',
      description: 'Ask about the treasury with its figures in view.',
      widgets: [
        {
          kind: 'stats',
          items: [
            { label: 'Balance', source: 'treasury', compute: 'field', field: 'balance', format: 'money' },
            { label: 'Inflow', source: 'treasury', compute: 'field', field: 'inflow', format: 'money' },
            { label: 'Outflow', source: 'treasury', compute: 'field', field: 'outflow', format: 'money' },
          ],
        },
        {
          kind: 'ask',
          title: 'Ask about money',
          suggestions: [
            'How is the treasury kept?',
            'What does the platform cost?',
            'Where does the balance come from?',
          ],
        },
      ],
    },
    {
      slug: 'operations',
      title: 'Operations questions',
      description: 'Ask how the daily work is meant to run.',
      widgets: [
        {
          kind: 'ask',
          title: 'Ask about operations',
          suggestions: [
            'What happens at dawn dispatch?',
            'How do workflows run?',
            'Who is called in an incident?',
          ],
        },
        {
          kind: 'stats',
          items: [
            { label: 'Jobs waiting', source: 'queue', compute: 'field', field: 'depth', format: 'number' },
            { label: 'Workers', source: 'queue', compute: 'field', field: 'workers', format: 'number' },
          ],
        },
      ],
    },
    {
      slug: 'knowledge',
      title: 'Knowledge base',
      description: 'The capsules the advisor searches, newest first.',
      widgets: [
        {
          kind: 'table',
          title: 'What the advisor can know',
          source: 'capsules',
          columns: capsuleColumns,
          sort: { field: 'updated_at', descending: true },
          search: true,
          empty: 'The advisor has nothing to draw on yet.',
        },
      ],
    },
  ],
}
