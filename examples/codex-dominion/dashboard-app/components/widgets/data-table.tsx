'use client'

import { useId, useState } from 'react'
import { Input } from '@/components/ui/input'
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from '@/components/ui/table'
import { type Column, SOURCES, type Widget } from '@/data/types'
import type { Row } from '@/lib/api'
import { filterRows, rowsOf, sortRows, textOf } from '@/lib/rows'
import { useApi } from '@/lib/use-api'
import { cn } from '@/lib/utils'
import { ApiCard } from './frame'
import { EmptyState } from './states'
import { Value } from './value'

/** Short columns do not wrap; running text may, but never to a column of single words. */
function cellClass(column: Column, index: number): string {
  const prose = !column.format || column.format === 'text'
  return cn(
    column.align === 'right' && 'text-right tabular-nums',
    prose ? 'min-w-32' : 'whitespace-nowrap',
    index === 0 && 'font-medium',
  )
}

export function RowsTable({ rows, columns }: { rows: Row[]; columns: Column[] }) {
  return (
    <Table>
      <TableHeader>
        <TableRow className="hover:bg-transparent">
          {columns.map((column) => (
            <TableHead key={column.field} className={cn(column.align === 'right' && 'text-right')}>
              {column.label}
            </TableHead>
          ))}
        </TableRow>
      </TableHeader>
      <TableBody>
        {rows.map((row, index) => (
          <TableRow key={`${textOf(row, 'id')}-${index}`}>
            {columns.map((column, position) => (
              <TableCell key={column.field} className={cellClass(column, position)}>
                <Value row={row} field={column.field} format={column.format} />
              </TableCell>
            ))}
          </TableRow>
        ))}
      </TableBody>
    </Table>
  )
}

function search(rows: Row[], query: string): Row[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  return rows.filter((row) => {
    const text = Object.values(row).join(' ').toLowerCase()
    return words.every((word) => text.includes(word))
  })
}

export function TableWidget({ widget }: { widget: Extract<Widget, { kind: 'table' }> }) {
  const source = SOURCES[widget.source]
  const state = useApi(source.path)
  const [query, setQuery] = useState('')
  const inputId = useId()
  const filtered = filterRows(rowsOf(state.data, source.key), widget.where)
  const sorted = widget.sort ? sortRows(filtered, widget.sort.field, widget.sort.descending) : filtered
  const found = query ? search(sorted, query) : sorted
  const shown = found.slice(0, widget.limit ?? 200)
  return (
    <ApiCard title={widget.title} note={widget.note} state={state}>
      {widget.search && filtered.length > 0 && (
        <div className="max-w-sm">
          <label htmlFor={inputId} className="sr-only">
            Search in {widget.title}
          </label>
          <Input
            id={inputId}
            type="search"
            placeholder={`Search ${filtered.length} entries…`}
            value={query}
            onChange={(event) => setQuery(event.target.value)}
          />
        </div>
      )}
      {shown.length > 0 ? (
        <RowsTable rows={shown} columns={widget.columns} />
      ) : (
        <EmptyState>{query ? `Nothing matches “${query}”.` : widget.empty}</EmptyState>
      )}
      {shown.length < found.length && (
        <p className="text-xs text-muted-foreground">
          {shown.length} of {found.length} entries
        </p>
      )}
    </ApiCard>
  )
}
