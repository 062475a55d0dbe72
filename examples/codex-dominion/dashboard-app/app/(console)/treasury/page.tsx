import type { Metadata } from 'next'
import { CashFlow } from '@/components/pages/cash-flow'
import { SectionShell } from '@/components/shell/section-shell'
import { TableWidget } from '@/components/widgets/data-table'
import { StatsWidget } from '@/components/widgets/stats'
import { metricColumns } from '@/data/columns'

export const metadata: Metadata = {
  title: 'Treasury',
  description: 'Balance, what comes in, what goes out, and the figures behind them.',
}

export default function TreasuryPage() {
  return (
    <SectionShell slug="treasury" paths={['/api/treasury/metrics', '/api/treasury/summary']}>
      <StatsWidget
        items={[
          { label: 'Balance', source: 'treasury', compute: 'field', field: 'balance', format: 'money' },
          {
            label: 'Inflow',
            source: 'treasury',
            compute: 'field',
            field: 'inflow',
            format: 'money',
            hint: 'last 30 days',
          },
          {
            label: 'Outflow',
            source: 'treasury',
            compute: 'field',
            field: 'outflow',
            format: 'money',
            hint: 'last 30 days',
          },
        ]}
      />
      <CashFlow />
      <TableWidget
        widget={{
          kind: 'table',
          title: 'Latest entries',
          source: 'metrics',
          columns: metricColumns,
          sort: { field: 'recorded_at', descending: true },
          limit: 12,
          empty: 'The ledger is empty.',
        }}
      />
    </SectionShell>
  )
}
