'use client'

import { SOURCES, type Widget } from '@/data/types'
import { formatNumber, humanize } from '@/lib/format'
import { filterRows, groupRows, rowsOf } from '@/lib/rows'
import { useApi } from '@/lib/use-api'
import { ApiCard } from './frame'
import { EmptyState } from './states'

const MAX_BARS = 12

/** Horizontal bars, longest first; the figure stands next to each bar, so colour and length are never the only cue. */
export function BreakdownWidget({ widget }: { widget: Extract<Widget, { kind: 'breakdown' }> }) {
  const source = SOURCES[widget.source]
  const state = useApi(source.path)
  const groups = groupRows(filterRows(rowsOf(state.data, source.key), widget.where), widget.by, widget.sum)
  const largest = Math.max(1, ...groups.map((group) => group.value))
  return (
    <ApiCard title={widget.title} note={widget.note} state={state}>
      {groups.length === 0 ? (
        <EmptyState>{widget.empty}</EmptyState>
      ) : (
        <ul className="space-y-3">
          {groups.slice(0, MAX_BARS).map((group) => (
            <li key={group.label} className="text-sm">
              <div className="mb-1 flex justify-between gap-4">
                <span className="truncate">{humanize(group.label)}</span>
                <span className="font-medium tabular-nums">{formatNumber(group.value)}</span>
              </div>
              <div className="h-2 overflow-hidden rounded-full bg-muted" aria-hidden>
                <div
                  className="h-full rounded-full bg-linear-to-r from-primary to-gold"
                  style={{ width: `${Math.max(0, (group.value / largest) * 100)}%` }}
                />
              </div>
            </li>
          ))}
        </ul>
      )}
      {groups.length > MAX_BARS && (
        <p className="text-xs text-muted-foreground">and {groups.length - MAX_BARS} more</p>
      )}
    </ApiCard>
  )
}
