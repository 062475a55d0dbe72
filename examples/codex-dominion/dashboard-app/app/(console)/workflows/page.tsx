import type { Metadata } from 'next'
import { RunLog } from '@/components/pages/run-log'
import { WorkflowBoard } from '@/components/pages/workflow-board'
import { SectionShell } from '@/components/shell/section-shell'
import { StatsWidget } from '@/components/widgets/stats'

export const metadata: Metadata = {
  title: 'Workflows',
  description: 'Repeatable work: start it, follow its job, see when it last ran.',
}

export default function WorkflowsPage() {
  return (
    <SectionShell slug="workflows" paths={['/api/workflows', '/api/workflows/queue', '/api/workflows/run', '/api/workflows/runs']}>
      <StatsWidget
        items={[
          { label: 'Workflows', source: 'workflows', compute: 'count' },
          { label: 'Runs in total', source: 'workflows', compute: 'sum', field: 'runs' },
          { label: 'Jobs waiting', source: 'queue', compute: 'field', field: 'depth', format: 'number' },
          { label: 'Workers', source: 'queue', compute: 'field', field: 'workers', format: 'number' },
        ]}
      />
      <WorkflowBoard />
      <RunLog />
    </SectionShell>
  )
}
