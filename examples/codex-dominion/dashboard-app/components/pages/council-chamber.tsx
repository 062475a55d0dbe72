'use client'

import { ApiCard } from '@/components/widgets/frame'
import { EmptyState } from '@/components/widgets/states'
import { StatusBadge } from '@/components/widgets/value'
import { SOURCES } from '@/data/types'
import { formatNumber } from '@/lib/format'
import { numberOf, rowsOf, sortRows, textOf } from '@/lib/rows'
import { useApi } from '@/lib/use-api'

/** Every council with its agents. When the agents cannot be loaded, the councils still appear. */
export function CouncilChamber() {
  const state = useApi(SOURCES.councils.path)
  const agents = rowsOf(useApi(SOURCES.agents.path).data, SOURCES.agents.key)
  const councils = sortRows(rowsOf(state.data, SOURCES.councils.key), 'name')
  return (
    <ApiCard title="In session" note="Each council with its purpose and its seats." state={state}>
      {councils.length === 0 ? (
        <EmptyState>No council has been founded yet.</EmptyState>
      ) : (
        <ul className="grid gap-4 md:grid-cols-2">
          {councils.map((council) => {
            const id = textOf(council, 'id')
            const seats = agents.filter((agent) => textOf(agent, 'council_id') === id)
            return (
              <li key={id} className="flex flex-col gap-3 rounded-lg border p-4">
                <div className="flex items-baseline justify-between gap-3">
                  <h4 className="font-display text-lg font-semibold">{textOf(council, 'name')}</h4>
                  <span className="text-sm whitespace-nowrap text-muted-foreground tabular-nums">
                    {formatNumber(numberOf(council, 'agents'))} agents
                  </span>
                </div>
                <p className="text-sm text-muted-foreground">{textOf(council, 'purpose')}</p>
                {seats.length > 0 && (
                  <ul className="mt-auto divide-y border-t pt-1 text-sm">
                    {seats.map((agent) => (
                      <li
                        key={textOf(agent, 'id')}
                        className="flex items-center justify-between gap-3 py-1.5"
                      >
                        <span className="min-w-0 truncate">
                          {textOf(agent, 'name')}
                          <span className="text-muted-foreground"> · {textOf(agent, 'role')}</span>
                        </span>
                        <StatusBadge status={textOf(agent, 'status')} />
                      </li>
                    ))}
                  </ul>
                )}
              </li>
            )
          })}
        </ul>
      )}
    </ApiCard>
  )
}
