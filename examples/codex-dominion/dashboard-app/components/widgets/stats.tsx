'use client'

import { Card } from '@/components/ui/card'
import { Skeleton } from '@/components/ui/skeleton'
import { SOURCES, type Stat } from '@/data/types'
import type { Row } from '@/lib/api'
import { formatNumber, UNKNOWN } from '@/lib/format'
import { filterRows, numberOf, rowsOf } from '@/lib/rows'
import { useApi } from '@/lib/use-api'
import { cn } from '@/lib/utils'
import { Value } from './value'

function StatValue({ stat, data }: { stat: Stat; data: Row }) {
  const { key } = SOURCES[stat.source]
  const field = stat.field ?? ''
  if (stat.compute === 'field') return <Value row={data} field={field} format={stat.format} />
  const all = rowsOf(data, key)
  const rows = filterRows(all, stat.where)
  switch (stat.compute) {
    case 'count':
      return <>{formatNumber(rows.length)}</>
    case 'share':
      return <>{all.length > 0 ? `${Math.round((rows.length / all.length) * 100)} %` : UNKNOWN}</>
    case 'sum':
      return <>{formatNumber(rows.reduce((total, row) => total + (numberOf(row, field) ?? 0), 0))}</>
  }
}

export function StatCard({ stat }: { stat: Stat }) {
  const { data, problem, loading, reload } = useApi(SOURCES[stat.source].path)
  return (
    <Card className="gap-1.5 px-5 py-4" aria-busy={loading}>
      <p className="text-sm text-muted-foreground">{stat.label}</p>
      <div
        className={cn(
          'min-h-9 font-semibold tracking-tight tabular-nums [overflow-wrap:anywhere]',
          stat.format === 'text' || stat.format === 'mono' ? 'text-base' : 'text-xl sm:text-2xl',
        )}
      >
        {data ? (
          <StatValue stat={stat} data={data} />
        ) : problem ? (
          <button
            type="button"
            onClick={reload}
            title={`${problem.message}. ${problem.advice}`}
            className="text-sm font-medium text-destructive underline-offset-4 hover:underline"
          >
            Not available – try again
          </button>
        ) : (
          <Skeleton className="h-8 w-24" />
        )}
      </div>
      {stat.hint && <p className="text-xs text-muted-foreground">{stat.hint}</p>}
    </Card>
  )
}

export function StatsWidget({ items }: { items: Stat[] }) {
  return (
    <div
      className={cn(
        'grid gap-3 sm:gap-4',
        items.length > 1 && 'grid-cols-2',
        items.length % 2 === 1 && items.length > 1 && '*:last:max-lg:col-span-2',
        items.length % 3 === 0 ? 'lg:grid-cols-3' : items.length > 3 && 'lg:grid-cols-4',
      )}
    >
      {items.map((stat) => (
        <StatCard key={stat.label} stat={stat} />
      ))}
    </div>
  )
}
