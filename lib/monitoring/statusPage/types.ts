/*
 * What the page shows, in its own terms: no host name, no resource's name, no error's words, nobody's name. Whatever is
 * not in here cannot reach the page. Moments are milliseconds since 1970, stretches minutes, shares per cent.
 */

/** `slow`: it works, but a limit was passed. `planned`: it does not, and a maintenance or a deploy explains that. */
export type Condition = 'works' | 'slow' | 'down' | 'planned' | 'unknown'

/** How things are, in words. */
export interface Headline {
  level: Condition | 'trouble'
  title: string
  text: string
  /** When that was seen; undefined when nothing ever was. */
  seenAt: number | undefined
}

/** One day (UTC) of one target. */
export interface Day {
  /** `2026-11-23` */
  date: string
  kind: 'none' | 'up' | 'partly' | 'down'
  /** Of the time that counts; null when none does. */
  percent: number | null
  down: number
  /** Up, but slower than wanted. */
  slow: number
}

export interface Part {
  id: string
  name: string
  now: Condition
  /** The oldest first. */
  days: readonly Day[]
  /** Of all these days; null when nothing is known of them. */
  percent: number | null
}

/** Milliseconds that answers took, an hour a point. */
export interface Latency {
  id: string
  name: string
  points: readonly { at: number; p50: number | null; p95: number | null }[]
  from: number
  to: number
  /** From this on it is slow. */
  limitMs: number
}

export interface PublicIncident {
  title: string
  cause: string
  start: number
  /** undefined: it is not over. */
  end: number | undefined
}

export interface Work {
  kind: 'deploy' | 'maintenance'
  start: number
  end: number
}

/** This month against what is promised. */
export interface Month {
  from: number
  to: number
  /** What is promised. */
  goal: number
  /** null when nothing is known of the month. */
  budget: { total: number; used: number; left: number } | null
  /** The site first. */
  rows: readonly {
    id: string
    name: string
    percent: number | null
    down: number
    notKnown: number
    /** Milliseconds. */
    p50: number | null
    p95: number | null
    p99: number | null
  }[]
}

export interface StatusView {
  domain: string
  madeAt: number
  headline: Headline
  /** The site as a whole first, then its parts. */
  parts: readonly Part[]
  latency: readonly Latency[]
  month: Month
  /** The newest first. */
  incidents: readonly PublicIncident[]
  works: readonly Work[]
}
