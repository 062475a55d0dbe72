'use client'

import { TableWidget } from '@/components/widgets/data-table'
import { runColumns } from '@/data/columns'
import { useSession } from '@/lib/session'

/** Who started which workflow, for the operator only: the backend tells nobody else. */
export function RunLog() {
  const { session } = useSession()
  if (!session) return null
  return (
    <TableWidget
      widget={{
        kind: 'table',
        title: 'Who started what',
        note: 'The last 50 runs. Only the operator sees this.',
        source: 'runs',
        columns: runColumns,
        empty: 'Nobody has started a workflow.',
      }}
    />
  )
}
