'use client'

import { PlayIcon } from 'lucide-react'
import { Button } from '@/components/ui/button'
import { SOURCES, type Widget } from '@/data/types'
import { formatAgo } from '@/lib/format'
import { filterRows, numberOf, rowsOf, sortRows, textOf, timeOf } from '@/lib/rows'
import { refresh, useApi } from '@/lib/use-api'
import { useJob } from '@/lib/use-job'
import { ApiCard } from './frame'
import { JobPanel } from './job-panel'
import { EmptyState } from './states'
import { StatusBadge } from './value'

/** Lists workflows (those whose name contains one of `contains`, when given), each with a button that starts it. */
export function RunWidget({ widget }: { widget: Extract<Widget, { kind: 'run' }> }) {
  const source = SOURCES.workflows
  const state = useApi(source.path)
  const { job, start } = useJob(() => void refresh(source.path))
  const busy = job?.phase === 'starting' || job?.phase === 'waiting'
  const where = widget.contains && [{ field: 'name', contains: widget.contains }]
  const rows = sortRows(filterRows(rowsOf(state.data, source.key), where), 'name')
  return (
    <ApiCard title={widget.title} note={widget.note} state={state}>
      {job && <JobPanel job={job} />}
      {rows.length === 0 ? (
        <EmptyState>
          {widget.contains
            ? `No workflow here: none has ${widget.contains.map((part) => `“${part}”`).join(', ')} in its name.`
            : 'No workflow is defined.'}
        </EmptyState>
      ) : (
        <ul className="divide-y">
          {rows.map((row) => {
            const name = textOf(row, 'name')
            return (
              <li
                key={textOf(row, 'id') || name}
                className="flex items-center gap-3 py-3 first:pt-0 last:pb-0"
              >
                <div className="min-w-0 flex-1">
                  <p className="font-medium [overflow-wrap:anywhere]">{name}</p>
                  <p className="text-sm text-muted-foreground">{textOf(row, 'description')}</p>
                  <p className="mt-0.5 text-xs text-muted-foreground">
                    {numberOf(row, 'runs') ?? 0} runs · last {formatAgo(timeOf(row, 'last_run_at'))}
                  </p>
                </div>
                <span className="hidden sm:block">
                  <StatusBadge status={textOf(row, 'status')} />
                </span>
                <Button size="sm" disabled={busy || !name} onClick={() => void start(name)}>
                  <PlayIcon aria-hidden /> Start<span className="sr-only"> {name}</span>
                </Button>
              </li>
            )
          })}
        </ul>
      )}
    </ApiCard>
  )
}
