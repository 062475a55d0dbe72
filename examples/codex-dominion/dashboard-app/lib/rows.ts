import type { Row } from './api'

/** A condition on one field of a row; all specified parts must match. Missing fields count as empty. */
export type Where = {
  field: string
  is?: string[]
  not?: string[]
  /** The field's text contains one of these, ignoring case. */
  contains?: string[]
  empty?: boolean
  min?: number
  max?: number
  /** The field is a time more than this many hours ago. */
  olderThanHours?: number
  /** The field is a time within this many hours. */
  withinHours?: number
}

export function textOf(row: Row | undefined, field: string): string {
  const value = row?.[field]
  if (value === null || value === undefined) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** A finite number, or undefined. PostgreSQL's numeric arrives as text, so text is parsed too. */
export function numberOf(row: Row | undefined, field: string): number | undefined {
  const value = row?.[field]
  if (Array.isArray(value)) return value.length
  if (value === null || value === undefined || value === '') return undefined
  const number = Number(value)
  return Number.isFinite(number) ? number : undefined
}

/** Milliseconds since 1970, or undefined when the field holds no time. */
export function timeOf(row: Row | undefined, field: string): number | undefined {
  const time = Date.parse(textOf(row, field))
  return Number.isNaN(time) ? undefined : time
}

/** The list under `key`, or the first list in the object; never anything but objects. */
export function rowsOf(data: Row | undefined, key: string): Row[] {
  const list = Array.isArray(data?.[key]) ? data[key] : Object.values(data ?? {}).find(Array.isArray)
  return ((list ?? []) as unknown[]).filter((item): item is Row => typeof item === 'object' && item !== null)
}

export function matches(row: Row, where: Where, now: number): boolean {
  const text = textOf(row, where.field)
  const lower = text.toLowerCase()
  const number = numberOf(row, where.field)
  const time = timeOf(row, where.field)
  const hours = time === undefined ? undefined : (now - time) / 3_600_000
  return (
    (!where.is || where.is.includes(lower)) &&
    !where.not?.includes(lower) &&
    (!where.contains || where.contains.some((part) => lower.includes(part.toLowerCase()))) &&
    (where.empty === undefined || (text === '') === where.empty) &&
    (where.min === undefined || (number ?? 0) >= where.min) &&
    (where.max === undefined || (number ?? 0) <= where.max) &&
    (where.olderThanHours === undefined || (hours !== undefined && hours > where.olderThanHours)) &&
    (where.withinHours === undefined || (hours !== undefined && hours <= where.withinHours))
  )
}

export function filterRows(rows: Row[], where: Where[] | undefined): Row[] {
  const now = Date.now()
  return where ? rows.filter((row) => where.every((one) => matches(row, one, now))) : rows
}

/** Sort by one field: numbers as numbers, times as times, the rest as text; empty values last. */
export function sortRows(rows: Row[], field: string, descending = false): Row[] {
  const sign = descending ? -1 : 1
  return [...rows].sort((a, b) => {
    const [left, right] = [textOf(a, field), textOf(b, field)]
    if (left === '' || right === '') return Number(left === '') - Number(right === '')
    const [x, y] = [numberOf(a, field), numberOf(b, field)]
    if (x !== undefined && y !== undefined) return sign * (x - y)
    return sign * left.localeCompare(right, 'en', { numeric: true })
  })
}

/** Rows counted (or `sum` added up) per value of `by`, largest first. */
export function groupRows(rows: Row[], by: string, sum?: string): { label: string; value: number }[] {
  const groups = new Map<string, number>()
  for (const row of rows) {
    const label = textOf(row, by) || 'none'
    groups.set(label, (groups.get(label) ?? 0) + (sum ? (numberOf(row, sum) ?? 0) : 1))
  }
  return [...groups].map(([label, value]) => ({ label, value })).sort((a, b) => b.value - a.value)
}
