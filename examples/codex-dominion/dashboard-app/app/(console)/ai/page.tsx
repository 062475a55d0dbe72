import type { Metadata } from 'next'
import { SectionShell } from '@/components/shell/section-shell'
import { Widgets } from '@/components/widgets'
import { capsuleColumns } from '@/data/columns'
import { apiPaths } from '@/data/site'
import type { Widget } from '@/data/types'

export const metadata: Metadata = {
  title: 'AI advisor',
  description: 'Ask a question; the advisor answers from the capsules and names its source.',
}

const widgets: Widget[] = [
  {
    kind: 'ask',
    title: 'Ask the advisor',
    suggestions: ['What is the dawn dispatch?', 'What does the platform cost?', 'How do workflows run?'],
  },
  {
    kind: 'stats',
    items: [
      { label: 'Answers by', source: 'ai', compute: 'field', field: 'model', format: 'text' },
      { label: 'Capsules', source: 'ai', compute: 'field', field: 'capsules', format: 'number' },
    ],
  },
  {
    kind: 'table',
    title: 'What it can draw on',
    source: 'capsules',
    columns: capsuleColumns,
    sort: { field: 'updated_at', descending: true },
    limit: 8,
    empty: 'The advisor has nothing to draw on yet.',
  },
]

export default function AdvisorPage() {
  return (
    <SectionShell slug="ai" paths={apiPaths(widgets)}>
      <Widgets widgets={widgets} />
    </SectionShell>
  )
}
