/*
 * What the page shows: no host name, resource name, error message or person. Whatever is not in these types cannot
 * reach the page. Times are milliseconds since 1970, durations minutes, shares per cent.
 */

/** `slow`: it works, but exceeds a latency limit. `planned`: it does not work because of maintenance or a deploy. */
export type Condition = 'works' | 'slow' | 'down' | 'planned' | 'unknown'

export interface Headline {
  level: Condition | 'trouble'
  title: string
  text: string
  seenAt: number | undefined
}

export interface Day {
  date: string
  kind: 'none' | 'up' | 'partly' | 'down'
  /** Availability of the time that counts; null when none does. */
  percent: number | null
  down: number
  /** Up, but slower than the limit. */
  slow: number
}

export interface Part {
  id: string
  name: string
  now: Condition
  /** Oldest first. */
  days: readonly Day[]
  /** Availability over all days; null without data. */
  percent: number | null
}

/** Latency in milliseconds, one point per hour. */
export interface Latency {
  id: string
  name: string
  points: readonly { at: number; p50: number | null; p95: number | null }[]
  from: number
  to: number
  /** Answers are slow from this value on. */
  limitMs: number
}

export interface PublicIncident {
  title: string
  cause: string
  start: number
  /** undefined while it is ongoing. */
  end: number | undefined
}

export interface Work {
  kind: 'deploy' | 'maintenance'
  start: number
  end: number
}

export interface Month {
  from: number
  to: number
  goal: number
  /** null without data for the month. */
  budget: { total: number; used: number; left: number } | null
  /** The site first. */
  rows: readonly {
    id: string
    name: string
    percent: number | null
    down: number
    notKnown: number
    p50: number | null
    p95: number | null
    p99: number | null
  }[]
}

export interface StatusView {
  domain: string
  madeAt: number
  headline: Headline
  /** The whole site first, then its parts. */
  parts: readonly Part[]
  latency: readonly Latency[]
  month: Month
  /** Newest first. */
  incidents: readonly PublicIncident[]
  works: readonly Work[]
}
