'use client'

import { ApiCard } from '@/components/widgets/frame'
import { SOURCES } from '@/data/types'
import { formatMoney } from '@/lib/format'
import { numberOf, textOf } from '@/lib/rows'
import { useApi } from '@/lib/use-api'

function Bar({
  label,
  value,
  largest,
  currency,
  tone,
}: {
  label: string
  value: number | undefined
  largest: number
  currency: string
  tone: string
}) {
  return (
    <div className="text-sm">
      <div className="mb-1.5 flex justify-between gap-4">
        <span>{label}</span>
        <span className="font-medium tabular-nums">{formatMoney(value, currency)}</span>
      </div>
      <div className="h-3 overflow-hidden rounded-full bg-muted" aria-hidden>
        <div
          className={`h-full rounded-full ${tone}`}
          style={{ width: `${((value ?? 0) / largest) * 100}%` }}
        />
      </div>
    </div>
  )
}

/** Inflow and outflow on one scale, and the difference. */
export function CashFlow() {
  const state = useApi(SOURCES.treasury.path)
  const inflow = numberOf(state.data, 'inflow')
  const outflow = numberOf(state.data, 'outflow')
  const currency = textOf(state.data, 'currency') || 'USD'
  const largest = Math.max(1, inflow ?? 0, outflow ?? 0)
  const net = inflow === undefined || outflow === undefined ? undefined : inflow - outflow
  return (
    <ApiCard title="Cash flow" note="The last 30 days on one scale." state={state}>
      <Bar label="In" value={inflow} largest={largest} currency={currency} tone="bg-success" />
      <Bar label="Out" value={outflow} largest={largest} currency={currency} tone="bg-gold" />
      <p className="flex justify-between gap-4 border-t pt-3 text-sm font-medium">
        <span>{net !== undefined && net < 0 ? 'Spent from the balance' : 'Added to the balance'}</span>
        <span className="tabular-nums">
          {formatMoney(net === undefined ? undefined : Math.abs(net), currency)}
        </span>
      </p>
    </ApiCard>
  )
}
