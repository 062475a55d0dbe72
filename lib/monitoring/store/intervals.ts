/* Periods of up and down time from individual samples (docs/health.md, "Arithmetic"): milliseconds, [from, to). */

/** The state of a target in a period. Time that no segment covers is unknown. */
export type State = 'ok' | 'warning' | 'down' | 'keptOut'

export interface Span {
  from: number
  to: number
}

export interface Segment extends Span {
  state: State
}

export type Durations = Record<State, number>

export const hourMs = 3_600_000
const minValidity = 300_000
export const maxValidity = 3 * hourMs
/** The number of intervals between samples from which the usual one is derived. */
export const intervalsRead = 10

/**
 * How long a sample is valid when no other follows: three times the usual interval, at least 5 minutes and at most 3
 * hours. The usual interval is the 80th percentile of the last ten, so that neither a gap, nor a second checker, nor
 * a few manual runs change it.
 * @param earlier times of the samples before it, newest first
 */
export function getValidity(at: number, earlier: readonly number[]): number {
  const times = [at, ...earlier.slice(0, intervalsRead)]
  const distances = times.slice(1).map((time, index) => times[index]! - time)
  const usual = distances.sort((a, b) => a - b)[Math.ceil((distances.length * 8) / 10) - 1] ?? 0
  return Math.min(maxValidity, Math.max(minValidity, 3 * usual))
}

/** The state is valid until the next sample, for at most `holds` ms; undefined means UNKNOWN. */
interface TimedSample {
  at: number
  holds: number
  state: State | undefined
}

export function toSegments(samples: readonly TimedSample[]): Segment[] {
  const segments: Segment[] = []
  for (const [index, { at, holds, state }] of samples.entries()) {
    const to = Math.min(at + holds, samples[index + 1]?.at ?? Number.POSITIVE_INFINITY)
    if (state !== undefined && to > at) segments.push({ from: at, to, state })
  }
  return segments
}

/** Merges spans; the result is sorted and without overlap. */
export function union(spans: readonly Span[]): Span[] {
  const merged: Span[] = []
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1)
    if (last && from <= last.to) last.to = Math.max(last.to, to)
    else if (to > from) merged.push({ from, to })
  }
  return merged
}

/** Marks what falls into planned spans as excluded. Both lists must be sorted and without overlap. */
export function exclude(segments: readonly Segment[], planned: readonly Span[]): Segment[] {
  if (planned.length === 0) return [...segments]
  const result: Segment[] = []
  let first = 0
  for (const { from, to, state } of segments) {
    while (first < planned.length && planned[first]!.to <= from) first++
    let at = from
    for (let next = first; next < planned.length && planned[next]!.from < to; next++) {
      const [begin, end] = [Math.max(at, planned[next]!.from), Math.min(to, planned[next]!.to)]
      if (begin > at) result.push({ from: at, to: begin, state })
      result.push({ from: begin, to: end, state: 'keptOut' })
      at = end
    }
    if (at < to) result.push({ from: at, to, state })
  }
  return result
}

/**
 * Down while either is down, excluded while either is, otherwise known only while both are. Both must be sorted and
 * without overlap.
 */
export function combine(a: readonly Segment[], b: readonly Segment[]): Segment[] {
  const edges = [...new Set([...a, ...b].flatMap(({ from, to }) => [from, to]))].sort((x, y) => x - y)
  const result: Segment[] = []
  let [i, j] = [0, 0]
  for (let index = 0; index + 1 < edges.length; index++) {
    const [from, to] = [edges[index]!, edges[index + 1]!]
    while (i < a.length && a[i]!.to <= from) i++
    while (j < b.length && b[j]!.to <= from) j++
    const state = combineStates(stateAt(a[i], from), stateAt(b[j], from))
    if (state) result.push({ from, to, state })
  }
  return result
}

const stateAt = (segment: Segment | undefined, at: number): State | undefined =>
  segment && segment.from <= at ? segment.state : undefined

function combineStates(a: State | undefined, b: State | undefined): State | undefined {
  if (a === 'down' || b === 'down') return 'down'
  if (a === 'keptOut' || b === 'keptOut') return 'keptOut'
  if (a === undefined || b === undefined) return undefined
  return a === 'warning' || b === 'warning' ? 'warning' : 'ok'
}

export const zeroDurations = (): Durations => ({ ok: 0, warning: 0, down: 0, keptOut: 0 })

/** Adds up segments within [from, to) by hour, keyed by hours since 1970; hours without data are omitted. */
export function sumByHour(segments: readonly Segment[], { from, to }: Span): Map<number, Durations> {
  const hours = new Map<number, Durations>()
  for (const segment of segments) {
    let at = Math.max(segment.from, from)
    const end = Math.min(segment.to, to)
    while (at < end) {
      const hour = Math.floor(at / hourMs)
      const until = Math.min(end, (hour + 1) * hourMs)
      const sums = hours.get(hour) ?? zeroDurations()
      hours.set(hour, sums)
      sums[segment.state] += until - at
      at = until
    }
  }
  return hours
}
