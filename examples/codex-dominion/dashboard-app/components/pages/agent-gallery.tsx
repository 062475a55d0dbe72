'use client'

import { useState } from 'react'
import { Tabs, TabsContent, TabsList, TabsTrigger } from '@/components/ui/tabs'
import { ApiCard } from '@/components/widgets/frame'
import { EmptyState } from '@/components/widgets/states'
import { StatusBadge, Value } from '@/components/widgets/value'
import { SOURCES } from '@/data/types'
import { humanize } from '@/lib/format'
import { groupRows, rowsOf, sortRows, textOf } from '@/lib/rows'
import { useApi } from '@/lib/use-api'

function initials(name: string): string {
  return name
    .split(/\s+/)
    .map((word) => word.charAt(0))
    .join('')
    .slice(0, 2)
    .toUpperCase()
}

/** Agents as cards; the tabs are the statuses that occur. */
export function AgentGallery() {
  const state = useApi(SOURCES.agents.path)
  const [status, setStatus] = useState('')
  const all = sortRows(rowsOf(state.data, SOURCES.agents.key), 'name')
  const shown = status ? all.filter((agent) => (textOf(agent, 'status') || 'none') === status) : all
  return (
    <ApiCard title="Everyone" state={state}>
      <Tabs value={status} onValueChange={setStatus}>
        <TabsList aria-label="Which agents">
          <TabsTrigger value="">All</TabsTrigger>
          {groupRows(all, 'status').map((group) => (
            <TabsTrigger key={group.label} value={group.label}>
              {humanize(group.label)} <span className="text-xs text-muted-foreground">{group.value}</span>
            </TabsTrigger>
          ))}
        </TabsList>
        <TabsContent value={status}>
          {shown.length === 0 ? (
            <EmptyState>No agent is registered.</EmptyState>
          ) : (
            <ul className="grid gap-3 sm:grid-cols-2 xl:grid-cols-3">
              {shown.map((agent) => (
                <li key={textOf(agent, 'id')} className="flex gap-3 rounded-lg border p-3.5">
                  <span
                    className="flex size-10 shrink-0 items-center justify-center rounded-full bg-accent font-display text-sm font-semibold text-accent-foreground"
                    aria-hidden
                  >
                    {initials(textOf(agent, 'name'))}
                  </span>
                  <div className="min-w-0 flex-1 text-sm">
                    <div className="flex items-start justify-between gap-2">
                      <p className="font-medium">{textOf(agent, 'name')}</p>
                      <StatusBadge status={textOf(agent, 'status')} />
                    </div>
                    <p>{textOf(agent, 'role')}</p>
                    <p className="text-muted-foreground">
                      <Value row={agent} field="council_id" format="council" />
                    </p>
                  </div>
                </li>
              ))}
            </ul>
          )}
        </TabsContent>
      </Tabs>
    </ApiCard>
  )
}
