'use client'

import { SOURCES, type SourceName } from '@/data/types'
import { formatNumber } from '@/lib/format'
import { numberOf, rowsOf } from '@/lib/rows'
import { useApi } from '@/lib/use-api'

function LiveCount({ source, label, sum }: { source: SourceName; label: string; sum?: string }) {
  const { data, problem } = useApi(SOURCES[source].path)
  const rows = rowsOf(data, SOURCES[source].key)
  const value = sum ? rows.reduce((total, row) => total + (numberOf(row, sum) ?? 0), 0) : rows.length
  return (
    <div className="flex flex-col-reverse px-4 py-5 text-center" title={problem?.message}>
      <dt className="text-sm text-muted-foreground">{label}</dt>
      <dd className="font-display text-3xl font-semibold tabular-nums">{data ? formatNumber(value) : '–'}</dd>
    </div>
  )
}

/** Counts from the running system; a dash when it does not answer, so that the page never depends on it. */
export function LiveStrip() {
  return (
    <dl className="grid grid-cols-2 divide-border rounded-xl border bg-card shadow-sm sm:grid-cols-4 sm:divide-x">
      <LiveCount source="councils" label="councils in session" />
      <LiveCount source="agents" label="agents on the roster" />
      <LiveCount source="workflows" label="runs completed" sum="runs" />
      <LiveCount source="capsules" label="capsules sealed" />
    </dl>
  )
}
