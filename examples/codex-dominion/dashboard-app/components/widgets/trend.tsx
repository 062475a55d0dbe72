'use client'

import { SOURCES, type Widget } from '@/data/types'
import type { Row } from '@/lib/api'
import { formatAgo, formatMeasure, humanize } from '@/lib/format'
import { filterRows, numberOf, rowsOf, sortRows, textOf, timeOf } from '@/lib/rows'
import { useApi } from '@/lib/use-api'
import { ApiCard } from './frame'
import { Sparkline } from './sparkline'
import { EmptyState } from './states'

type Series = { name: string; unit: string; values: number[]; at?: number }

/** One series per metric name, oldest value first. */
function seriesOf(rows: Row[]): Series[] {
  const series = new Map<string, Series>()
  for (const row of sortRows(rows, 'recorded_at')) {
    const value = numberOf(row, 'value')
    const name = textOf(row, 'name')
    if (value === undefined || !name) continue
    const one = series.get(name) ?? { name, unit: '', values: [] }
    one.values.push(value)
    one.unit = textOf(row, 'unit')
    one.at = timeOf(row, 'recorded_at')
    series.set(name, one)
  }
  return [...series.values()]
}

function SeriesCard({ series }: { series: Series }) {
  const latest = series.values.at(-1)
  return (
    <li className="rounded-lg border p-4">
      <p className="truncate text-sm text-muted-foreground" title={series.name}>
        {humanize(series.name)}
      </p>
      <p className="mt-1 text-lg font-semibold tabular-nums">
        {formatMeasure(latest, series.unit)}{' '}
        <span className="text-sm font-normal text-muted-foreground">{series.unit}</span>
      </p>
      <Sparkline
        values={series.values}
        label={`${humanize(series.name)}: course of ${series.values.length}`}
      />
      <p className="mt-1 flex justify-between gap-2 text-xs text-muted-foreground">
        <span>{formatAgo(series.at)}</span>
        <span className="tabular-nums">
          {series.values.length} {series.values.length === 1 ? 'value' : 'values'}
        </span>
      </p>
    </li>
  )
}

export function TrendWidget({ widget }: { widget: Extract<Widget, { kind: 'trend' }> }) {
  const state = useApi(SOURCES.metrics.path)
  const where = widget.contains && [{ field: 'name', contains: widget.contains }]
  const series = seriesOf(filterRows(rowsOf(state.data, SOURCES.metrics.key), where))
  return (
    <ApiCard title={widget.title} note={widget.note} state={state}>
      {series.length === 0 ? (
        <EmptyState>{widget.empty}</EmptyState>
      ) : (
        <ul className="grid gap-3 sm:grid-cols-2 xl:grid-cols-3">
          {series.map((one) => (
            <SeriesCard key={one.name} series={one} />
          ))}
        </ul>
      )}
    </ApiCard>
  )
}
