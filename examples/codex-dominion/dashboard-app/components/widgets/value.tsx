'use client'

import { Badge, type BadgeVariant } from '@/components/ui/badge'
import { SOURCES } from '@/data/types'
import type { Row } from '@/lib/api'
import {
  type Format,
  formatAgo,
  formatDate,
  formatMeasure,
  formatMoney,
  formatNumber,
  UNKNOWN,
} from '@/lib/format'
import { numberOf, rowsOf, textOf, timeOf } from '@/lib/rows'
import { useApi } from '@/lib/use-api'

const TONES: [BadgeVariant, RegExp][] = [
  ['destructive', /fail|error|offline|stopped|down|lost/],
  ['info', /queue|pending|start|running|busy|progress/],
  ['warning', /pause|standby|rest|warn|draft/],
  ['success', /active|ok|success|finish|complete|done|ready|online|healthy|succeed/],
]

export function StatusBadge({ status }: { status: string }) {
  if (!status) return <span className="text-muted-foreground">{UNKNOWN}</span>
  const lower = status.toLowerCase()
  const tone = TONES.find(([, pattern]) => pattern.test(lower))?.[0] ?? 'secondary'
  return <Badge variant={tone}>{status}</Badge>
}

/** The council's name instead of its id; the id until the list of councils has loaded. */
function CouncilName({ id }: { id: string }) {
  const { data } = useApi(SOURCES.councils.path)
  if (!id) return <span className="text-muted-foreground">{UNKNOWN}</span>
  const council = rowsOf(data, SOURCES.councils.key).find((row) => textOf(row, 'id') === id)
  return <>{textOf(council, 'name') || `Council ${id}`}</>
}

/** One field of a row in the requested format; a dash for missing values. */
export function Value({ row, field, format = 'text' }: { row: Row; field: string; format?: Format }) {
  const text = textOf(row, field)
  switch (format) {
    case 'status':
      return <StatusBadge status={text} />
    case 'council':
      return <CouncilName id={text} />
    case 'ago':
      return <time title={formatDate(timeOf(row, field))}>{formatAgo(timeOf(row, field))}</time>
    case 'date':
      return <>{formatDate(timeOf(row, field))}</>
    case 'number':
      return <>{formatNumber(numberOf(row, field))}</>
    case 'money':
      return <>{formatMoney(numberOf(row, field), textOf(row, 'currency') || 'USD')}</>
    case 'measure':
      return (
        <>
          {formatMeasure(numberOf(row, field), textOf(row, 'unit'))}{' '}
          <span className="text-muted-foreground">{textOf(row, 'unit')}</span>
        </>
      )
    case 'mono':
      return <code className="font-mono text-[0.85em]">{text || UNKNOWN}</code>
    case 'text':
      return <>{text || UNKNOWN}</>
  }
}
