import { siteChecks } from '../../checks/quickChecks.ts'
import {
  combine,
  type Durations,
  exclude,
  hourMs,
  maxValidity,
  type Segment,
  type Span,
  type State,
  sumByHour,
  toSegments,
  union,
  zeroDurations,
} from './intervals.ts'
import type { SampleRow } from './samples.ts'
import type { Connection } from './sqlite.ts'
import type { Origin, Planned } from './store.ts'

/** The progress of roll-ups. Both are whole hours, in ms since 1970. */
export interface Progress {
  /** Hours before this are rolled up, except stale ones. */
  rolledTo: number
  /** From here on, all individual samples are stored, including earlier ones that are still valid here. */
  rawFrom: number
}

/** Before the first roll-up, nothing is rolled up and all samples are stored. */
export function readProgress(connection: Connection): Progress {
  const row = connection.get<{ rolled: number; raw: number }>(
    'SELECT rolled_to AS rolled, raw_from AS raw FROM progress',
  )
  return { rolledTo: (row?.rolled ?? 0) * hourMs, rawFrom: (row?.raw ?? 0) * hourMs }
}

export function setProgress(connection: Connection, { rolledTo, rawFrom }: Progress): void {
  connection.run('DELETE FROM progress')
  connection.run('INSERT INTO progress VALUES (?, ?)', rolledTo / hourMs, rawFrom / hourMs)
}

/** Marks the rolled-up hours that a late sample affects as stale. */
export function markStaleSpan(connection: Connection, { from, to }: Span): void {
  const { rolledTo, rawFrom } = readProgress(connection)
  const last = Math.ceil(Math.min(to, rolledTo) / hourMs)
  for (let hour = Math.floor(Math.max(from, rawFrom) / hourMs); hour < last; hour++)
    connection.run('INSERT OR IGNORE INTO stale (hour) VALUES (?)', hour)
}

/** Marks the rolled-up hours that a planned period affects as stale, as far as their samples are still stored. */
function markStalePlanned(connection: Connection, { from, to }: Span): void {
  const { rawFrom } = readProgress(connection)
  connection.run(
    'INSERT OR IGNORE INTO stale (hour) SELECT DISTINCT hour FROM rollups WHERE hour >= ? AND hour < ?',
    ...[Math.floor(Math.max(from, rawFrom) / hourMs), Math.ceil(to / hourMs)],
  )
}

export function upsertPlanned(connection: Connection, list: readonly Planned[]): void {
  for (const { id, kind, from, to, what } of list) {
    const end = Math.max(from, to)
    const before = connection.get<Span & { what: string }>(
      'SELECT began AS "from", ended AS "to", what FROM planned WHERE kind = ? AND id = ?',
      ...[kind, id],
    )
    if (before?.from === from && before.to === end && before.what === what) continue
    connection.run(
      `INSERT INTO planned (id, kind, began, ended, what) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (kind, id) DO UPDATE SET began = excluded.began, ended = excluded.ended, what = excluded.what`,
      ...[id, kind, from, end, what],
    )
    for (const span of getChangedSpans(before, { from, to: end })) markStalePlanned(connection, span)
  }
}

/**
 * The spans covered by only one of the two: a maintenance window grows with every run, and most of it was counted long
 * ago.
 */
function getChangedSpans(before: Span | undefined, after: Span): Span[] {
  if (!before || before.to <= after.from || after.to <= before.from) return before ? [before, after] : [after]
  const edges: Span[] = [
    { from: Math.min(before.from, after.from), to: Math.max(before.from, after.from) },
    { from: Math.min(before.to, after.to), to: Math.max(before.to, after.to) },
  ]
  return edges.filter(({ from, to }) => from < to)
}

/** Those that touch a range, the oldest first. */
export const listPlanned = (connection: Connection, { from, to }: Span): Planned[] =>
  connection.all<Planned>(
    `SELECT id, kind, began AS "from", ended AS "to", what FROM planned WHERE ended >= ? AND began < ? ORDER BY began, id`,
    ...[from, to],
  )

export const listPlannedSpans = (connection: Connection, span: Span): Span[] =>
  union(listPlanned(connection, span))

export const siteSeries = 0

/** One hour, part of an hour, or several hours of one series. */
export interface Rollup extends Durations {
  series: number
  /** Hours since 1970; for several hours, one of them. */
  hour: number
  samples: number
  /** Latencies of the answers that count, in milliseconds; empty when not requested. */
  times: number[]
}

type Row = Pick<SampleRow, 'at' | 'holds' | 'verdict' | 'kept' | 'ms'>

const states: readonly (State | undefined)[] = ['ok', 'warning', 'down', undefined]

/** Rolls up individual samples within [from, to); hours without a valid sample are omitted. */
export function countSamples(connection: Connection, vantage: Origin, span: Span, only?: string): Rollup[] {
  const planned = listPlannedSpans(connection, span)
  const bySite: Segment[][] = siteChecks.map(() => [])
  const rollups: Rollup[] = []
  for (const [series, target] of readTargetNames(connection, vantage)) {
    if (only !== undefined && target !== only) continue
    const rows = connection.all<Row>(
      `SELECT at, holds, verdict, kept_out AS kept, ms FROM samples
       WHERE series = ? AND at >= ? AND at < ? ORDER BY at, look`,
      ...[series, span.from - maxValidity, span.to],
    )
    const timed = rows.map(({ verdict, kept, ...row }) => ({
      ...row,
      state: kept ? 'keptOut' : states[verdict],
    }))
    const segments = exclude(toSegments(timed), planned)
    rollups.push(...rollUpSeries(series, segments, rows, planned, span))
    const part = siteChecks.findIndex(({ id }) => id === target)
    if (part >= 0) bySite[part] = segments
  }
  if (vantage !== 'here' || only !== undefined) return rollups
  const site = combine(bySite[0]!, bySite[1]!)
  return [...rollups, ...rollUpSeries(siteSeries, site, [], [], span)]
}

function rollUpSeries(
  series: number,
  segments: readonly Segment[],
  rows: readonly Row[],
  planned: readonly Span[],
  span: Span,
): Rollup[] {
  const rollup = (hour: number, durations: Durations): Rollup => ({
    ...{ series, hour, samples: 0, times: [] },
    ...durations,
  })
  const sums = [...sumByHour(segments, span)]
  const hours = new Map(sums.map(([hour, durations]) => [hour, rollup(hour, durations)]))
  for (const { at, kept, ms } of rows) {
    if (at < span.from) continue
    const hour = Math.floor(at / hourMs)
    const found = hours.get(hour) ?? rollup(hour, zeroDurations())
    hours.set(hour, found)
    found.samples++
    const counts = !kept && !planned.some(({ from, to }) => from <= at && at < to)
    if (counts && ms !== null) found.times.push(ms)
  }
  return [...hours.values()]
}

export interface RollupRange extends Span {
  now: number
  vantage?: Origin
  times?: boolean
  /** Only this target; the others are not read. */
  only?: string
  /** Combine this many hours into one roll-up (multiples since 1970); default 1. */
  hours?: number
}

/**
 * All hours of [from, to) with data, in no particular order, and the range that was actually counted: it ends now at
 * the latest and is extended to whole hours where individual samples are no longer stored.
 */
export function readRollups(connection: Connection, range: RollupRange): { span: Span; rollups: Rollup[] } {
  const { vantage = 'here', only } = range
  const { rolledTo, rawFrom } = readProgress(connection)
  const down = (time: number): number => Math.floor(time / hourMs) * hourMs
  const up = (time: number): number => Math.ceil(time / hourMs) * hourMs
  const from = range.from < rawFrom ? down(range.from) : range.from
  const end = Math.max(from, Math.min(range.to, range.now))
  const to = end < rawFrom ? up(end) : end

  const rolled: Span = { from: up(from), to: Math.min(rolledTo, down(to)) }
  if (rolled.from >= rolled.to)
    return { span: { from, to }, rollups: countSamples(connection, vantage, { from, to }, only) }
  const stale = connection
    .all<{ hour: number }>(
      'SELECT hour FROM stale WHERE hour >= ? AND hour < ? ORDER BY hour',
      ...[rolled.from / hourMs, rolled.to / hourMs],
    )
    .map(({ hour }) => ({ from: hour * hourMs, to: (hour + 1) * hourMs }))
  const rollups = readStoredRollups(connection, { ...range, ...rolled })
  for (const span of union([{ from, to: rolled.from }, ...stale, { from: rolled.to, to }]))
    rollups.push(...countSamples(connection, vantage, span, only))
  return { span: { from, to }, rollups }
}

function readStoredRollups(connection: Connection, range: RollupRange): Rollup[] {
  const { from, to, vantage = 'here', times = false, only, hours = 1 } = range
  const names = [...readTargetNames(connection, vantage)]
  const wanted = names.filter(([, target]) => only === undefined || target === only).map(([id]) => id)
  if (only === undefined && vantage === 'here') wanted.push(siteSeries)
  const rows = connection.iterate<Omit<Rollup, 'times'> & { packed?: Uint8Array }>(
    `SELECT series, hour, ok, warning, down, kept_out AS keptOut, samples ${times ? ', times AS packed' : ''}
     FROM rollups WHERE series IN (SELECT value FROM json_each(?)) AND hour >= ? AND hour < ?
     AND hour NOT IN (SELECT hour FROM stale) ORDER BY series, hour`,
    ...[JSON.stringify(wanted), from / hourMs, to / hourMs],
  )
  const rollups: Rollup[] = []
  for (const { packed, ...row } of rows) {
    let rollup = rollups.at(-1)
    const same =
      rollup?.series === row.series && Math.floor(rollup.hour / hours) === Math.floor(row.hour / hours)
    if (rollup && same) {
      for (const key of ['ok', 'warning', 'down', 'keptOut', 'samples'] as const) rollup[key] += row[key]
    } else {
      rollup = { ...row, times: [] }
      rollups.push(rollup)
    }
    if (packed) decodeLatencies(packed, rollup.times)
  }
  return rollups
}

export function readTargetNames(connection: Connection, vantage: Origin): Map<number, string> {
  const sql = 'SELECT id, target FROM series WHERE vantage = ? ORDER BY target'
  const rows = connection.all<{ id: number; target: string }>(sql, vantage)
  return new Map(rows.map(({ id, target }) => [id, target]))
}

/**
 * Encodes latencies in whole milliseconds: sorted, each as the difference to the one before, in groups of 7 bits
 * (LEB128). An hour of one run per minute takes about 60 bytes, and percentiles stay exact.
 */
export function encodeLatencies(times: readonly number[]): Uint8Array {
  const bytes: number[] = []
  let before = 0
  for (const time of [...times].sort((a, b) => a - b)) {
    let rest = time - before
    before = time
    while (rest > 0x7f) {
      bytes.push((rest % 0x80) | 0x80)
      rest = Math.floor(rest / 0x80)
    }
    bytes.push(rest)
  }
  return Uint8Array.from(bytes)
}

/** Decodes what `encodeLatencies` returned, and appends the latencies to `into`, shortest first. */
export function decodeLatencies(bytes: Uint8Array, into: number[]): void {
  let [time, rest, scale] = [0, 0, 1]
  for (const byte of bytes) {
    rest += (byte & 0x7f) * scale
    if (byte & 0x80) scale *= 0x80
    else {
      time += rest
      into.push(time)
      rest = 0
      scale = 1
    }
  }
}
