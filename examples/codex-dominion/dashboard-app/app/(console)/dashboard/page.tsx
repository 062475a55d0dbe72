import type { Metadata } from 'next'
import Link from 'next/link'
import { SectionIcon } from '@/components/shell/icons'
import { PageHeader } from '@/components/shell/page-header'
import { Sources } from '@/components/shell/sources'
import { Widgets } from '@/components/widgets'
import { workflowColumns } from '@/data/columns'
import { apiPaths, SECTIONS } from '@/data/site'
import type { Widget } from '@/data/types'

export const metadata: Metadata = {
  title: 'Overview',
  description: 'The state of the dominion on one screen.',
}

const widgets: Widget[] = [
  {
    kind: 'stats',
    items: [
      { label: 'Balance', source: 'treasury', compute: 'field', field: 'balance', format: 'money' },
      {
        label: 'Active agents',
        source: 'agents',
        compute: 'count',
        where: [{ field: 'status', is: ['active'] }],
      },
      { label: 'Workflow runs', source: 'workflows', compute: 'sum', field: 'runs' },
      { label: 'Jobs waiting', source: 'queue', compute: 'field', field: 'depth', format: 'number' },
    ],
  },
  {
    kind: 'table',
    title: 'Latest runs',
    source: 'workflows',
    columns: workflowColumns,
    sort: { field: 'last_run_at', descending: true },
    limit: 6,
    empty: 'No workflow is defined.',
  },
  {
    kind: 'probe',
    title: 'Is everything reachable?',
    sources: ['ai', 'treasury', 'workflows', 'councils', 'agents'],
  },
]

export default function OverviewPage() {
  return (
    <>
      <PageHeader title="Overview" description="The state of the dominion on one screen." />
      <Widgets widgets={widgets} />
      <Sources paths={apiPaths(widgets)} />
      <h2 className="mt-10 mb-3 text-lg font-semibold">Sections</h2>
      <ul className="grid gap-3 sm:grid-cols-2 xl:grid-cols-3">
        {SECTIONS.map((section) => (
          <li key={section.slug}>
            <Link
              href={`/${section.slug}`}
              prefetch={false}
              className="flex h-full gap-3.5 rounded-lg border bg-card p-4 outline-none hover:border-gold/50 focus-visible:ring-2 focus-visible:ring-ring"
            >
              <SectionIcon name={section.icon} className="mt-0.5 size-5 shrink-0 text-gold" />
              <span>
                <span className="block text-sm font-medium">{section.title}</span>
                <span className="mt-0.5 block text-sm text-muted-foreground">{section.summary}</span>
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </>
  )
}
