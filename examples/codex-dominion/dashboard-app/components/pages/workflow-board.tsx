'use client'

import { PlayIcon } from 'lucide-react'
import { useState } from 'react'
import { Button } from '@/components/ui/button'
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from '@/components/ui/table'
import { Tabs, TabsContent, TabsList, TabsTrigger } from '@/components/ui/tabs'
import { ApiCard } from '@/components/widgets/frame'
import { JobPanel } from '@/components/widgets/job-panel'
import { EmptyState } from '@/components/widgets/states'
import { Value } from '@/components/widgets/value'
import { SOURCES } from '@/data/types'
import type { Row } from '@/lib/api'
import { filterRows, rowsOf, sortRows, textOf, type Where } from '@/lib/rows'
import { refresh, useApi } from '@/lib/use-api'
import { useJob } from '@/lib/use-job'

const VIEWS: { value: string; label: string; where?: Where[] }[] = [
  { value: 'all', label: 'All' },
  { value: 'ran', label: 'Have run', where: [{ field: 'last_run_at', empty: false }] },
  { value: 'never', label: 'Never run', where: [{ field: 'last_run_at', empty: true }] },
  { value: 'failed', label: 'Failed', where: [{ field: 'status', contains: ['fail', 'error'] }] },
]

type RowProps = { row: Row; busy: boolean; onStart: (name: string) => void }

/** On a phone the columns between the name and the button move below the name, so that the button stays in view. */
function WorkflowRow({ row, busy, onStart }: RowProps) {
  const name = textOf(row, 'name')
  const status = <Value row={row} field="status" format="status" />
  const runs = <Value row={row} field="runs" format="number" />
  const last = <Value row={row} field="last_run_at" format="ago" />
  return (
    <TableRow data-workflow={name}>
      <TableCell className="md:max-w-xs">
        <p className="font-medium [overflow-wrap:anywhere]">{name}</p>
        <p className="text-xs text-muted-foreground max-md:hidden">{textOf(row, 'description')}</p>
        <div className="mt-1 flex flex-wrap items-center gap-x-2 gap-y-1 text-xs text-muted-foreground sm:hidden">
          {status}
          <span>
            {runs} runs · {last}
          </span>
        </div>
      </TableCell>
      <TableCell className="whitespace-nowrap max-sm:hidden">{status}</TableCell>
      <TableCell className="text-right tabular-nums max-sm:hidden">{runs}</TableCell>
      <TableCell className="text-right whitespace-nowrap text-muted-foreground max-sm:hidden">
        {last}
      </TableCell>
      <TableCell className="text-right">
        <Button size="sm" variant="outline" disabled={busy || !name} onClick={() => onStart(name)}>
          <PlayIcon aria-hidden /> Run<span className="sr-only"> {name}</span>
        </Button>
      </TableCell>
    </TableRow>
  )
}

function WorkflowTable({ rows, busy, onStart }: Omit<RowProps, 'row'> & { rows: Row[] }) {
  return (
    <Table>
      <TableHeader>
        <TableRow className="hover:bg-transparent">
          <TableHead>Workflow</TableHead>
          <TableHead className="max-sm:hidden">Status</TableHead>
          <TableHead className="text-right max-sm:hidden">Runs</TableHead>
          <TableHead className="text-right max-sm:hidden">Last run</TableHead>
          <TableHead>
            <span className="sr-only">Start</span>
          </TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {rows.map((row) => (
          <WorkflowRow
            key={textOf(row, 'id') || textOf(row, 'name')}
            row={row}
            busy={busy}
            onStart={onStart}
          />
        ))}
      </TableBody>
    </Table>
  )
}

/** All workflows with a button each; below the title, the job that was started last. */
export function WorkflowBoard() {
  const [view, setView] = useState('all')
  const state = useApi(SOURCES.workflows.path)
  const { job, start } = useJob(() => {
    void refresh(SOURCES.workflows.path)
    void refresh(SOURCES.queue.path)
    void refresh(SOURCES.runs.path)
  })
  const busy = job?.phase === 'starting' || job?.phase === 'waiting'
  const all = rowsOf(state.data, SOURCES.workflows.key)
  const rows = sortRows(filterRows(all, VIEWS.find((one) => one.value === view)?.where), 'name')
  return (
    <ApiCard title="All workflows" note="Run queues a job; a worker picks it up." state={state}>
      {job && <JobPanel job={job} />}
      <Tabs value={view} onValueChange={setView}>
        <TabsList aria-label="Which workflows">
          {VIEWS.map((one) => (
            <TabsTrigger key={one.value} value={one.value}>
              {one.label}
            </TabsTrigger>
          ))}
        </TabsList>
        <TabsContent value={view}>
          {rows.length === 0 ? (
            <EmptyState>
              {all.length === 0 ? 'No workflow is defined.' : 'No workflow belongs here.'}
            </EmptyState>
          ) : (
            <WorkflowTable rows={rows} busy={busy} onStart={(name) => void start(name)} />
          )}
        </TabsContent>
      </Tabs>
    </ApiCard>
  )
}
