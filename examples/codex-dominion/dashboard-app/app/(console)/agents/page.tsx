import type { Metadata } from 'next'
import { AgentGallery } from '@/components/pages/agent-gallery'
import { SectionShell } from '@/components/shell/section-shell'
import { StatsWidget } from '@/components/widgets/stats'

export const metadata: Metadata = {
  title: 'Agents',
  description: 'The workforce: named agents with a role, a council and a status.',
}

export default function AgentsPage() {
  return (
    <SectionShell slug="agents" paths={['/api/agents', '/api/councils']}>
      <StatsWidget
        items={[
          { label: 'Agents', source: 'agents', compute: 'count' },
          {
            label: 'Active',
            source: 'agents',
            compute: 'count',
            where: [{ field: 'status', is: ['active'] }],
          },
          {
            label: 'Share active',
            source: 'agents',
            compute: 'share',
            where: [{ field: 'status', is: ['active'] }],
          },
        ]}
      />
      <AgentGallery />
    </SectionShell>
  )
}
