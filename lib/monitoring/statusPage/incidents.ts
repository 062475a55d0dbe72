import type { StoredSample } from '../store/samples.ts'
import type { History, Incident } from '../store/store.ts'
import { formatIncidentTitle, formatPublicCause, isVisible, parsePublicCauses } from './labels.ts'
import type { PublicIncident } from './types.ts'

/** The part of an incident that visitors noticed. Milliseconds since 1970. */
interface VisibleIncident {
  targets: readonly string[]
  rank: 1 | 3
  /** The causes as the probes reported them, for visible targets only. */
  causes: readonly string[]
  start: number
  /** undefined while visitors are affected. */
  end: number | undefined
  /** Targets whose latest samples were good, but not yet often enough. */
  awaited: readonly string[]
}

/** Consecutive good runs that end an incident (the default of `health`). */
const recoverAfter = 2

/**
 * Reduces an incident to the time from the first to the last bad sample of visible targets; a bad sample is valid
 * until the next one, as in all figures. undefined when visitors noticed nothing. Uses the incident's own times and
 * cause where individual samples are no longer stored.
 */
export function toVisibleIncident(
  history: History,
  incident: Incident,
  now: number,
): VisibleIncident | undefined {
  const { from, to, targets, rank, cause } = incident
  const visible = targets.filter(isVisible)
  if (visible.length === 0) return undefined
  const samples = history.samples({ from, to: to ?? now + 1 }, visible)
  if (!samples) {
    const causes = parsePublicCauses(cause)
    const common = { targets: visible, causes, start: from, end: to ?? undefined, awaited: [] }
    return { ...common, rank: rank === 3 ? 3 : 1 }
  }
  const counted = samples.filter(({ keptOut }) => !keptOut)
  const down = rank === 3 && counted.some(({ verdict }) => verdict === 'CRITICAL')
  const isBad = ({ verdict }: StoredSample) => verdict === 'CRITICAL' || (!down && verdict === 'WARNING')
  const bad = counted.filter(isBad)
  if (bad.length === 0) return undefined
  const rows = [...new Set(bad.map(({ target }) => target))].map((target) => {
    const all = samples.filter((sample) => sample.target === target)
    const last = all.findLastIndex((sample) => !sample.keptOut && isBad(sample))
    const good = all.slice(last + 1).filter(({ verdict, keptOut }) => verdict !== 'UNKNOWN' && !keptOut)
    const end = Math.min(all[last]!.until, all[last + 1]?.at ?? Number.POSITIVE_INFINITY, to ?? now)
    return { target, end, good: good.length }
  })
  const open = to === null ? rows.filter(({ good }) => good < recoverAfter) : []
  return {
    targets: rows.map(({ target }) => target),
    rank: down ? 3 : 1,
    causes: bad.map(({ cause }) => cause),
    start: Math.min(...bad.map(({ at }) => at)),
    end: open.length > 0 ? undefined : Math.max(...rows.map(({ end }) => end)),
    awaited: open.filter(({ good }) => good > 0).map(({ target }) => target),
  }
}

export function toPublicIncident({ targets, rank, causes, start, end }: VisibleIncident): PublicIncident[] {
  const title = formatIncidentTitle(targets, rank, end !== undefined, causes)
  return title ? [{ title, cause: formatPublicCause(causes), start, end }] : []
}

/** The targets of ongoing outages, and those of them that answer again. */
export function selectOngoing(noticed: readonly VisibleIncident[]): { failing: string[]; awaited: string[] } {
  const outages = noticed.filter(({ rank, end }) => rank === 3 && end === undefined)
  return {
    failing: outages.flatMap(({ targets }) => targets),
    awaited: outages.flatMap(({ awaited }) => awaited),
  }
}
