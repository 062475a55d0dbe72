import type { Config } from '../../config/config.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import { formatDuration, formatList } from '../../util/format.ts'
import type { Verdict } from '../../util/status.ts'
import type { IncidentEvent, Rank } from '../incidentState.ts'
import { shortenDetail } from '../report.ts'
import type { Alert } from './alert.ts'

type Failing = Pick<IncidentEvent['failing'][number], 'target' | 'cause'>

const verdicts = { 0: 'OK', 1: 'WARNING', 2: 'CRITICAL', 3: 'CRITICAL' } as const

export const getVerdict = (rank: Rank): Verdict => verdicts[rank]

/** Identifies an incident by its start, which survives a quarantined history. */
export const getIncidentId = (start: number): string =>
  `${new Date(start).toISOString().replaceAll(/[-:]/g, '').slice(0, 15)}Z`

/** `api 503; disk 91 % used`: targets with the same cause are grouped. */
export function formatTitle(failing: readonly Failing[]): string {
  const words = new Map<string, string[]>()
  for (const { target, cause } of failing) {
    const brief = shortenDetail(cause)
    words.set(brief, [...(words.get(brief) ?? []), target])
  }
  const parts = [...words].map(([brief, targets]) => `${formatList(targets, 10)} ${brief}`)
  return formatList(parts, 3, '; ')
}

/** A sentence: `static, api and 8 more fail: 503; disk warns: 91 % used`. */
function formatSentence(failing: IncidentEvent['failing']): string {
  const groups = new Map<string, { targets: string[]; rank: Rank; brief: string }>()
  for (const { target, rank, cause } of failing) {
    const brief = shortenDetail(cause)
    const key = `${getVerdict(rank)} ${brief}`
    const group = groups.get(key) ?? { targets: [], rank, brief }
    groups.set(key, group)
    group.targets.push(target)
  }
  const parts = [...groups.values()].map(({ targets, rank, brief }) => {
    const one = targets.length === 1 ? 's' : ''
    return `${formatList(targets, 2)} ${rank >= 2 ? `fail${one}` : `warn${one}`}: ${brief}`
  })
  return formatList(parts, 3, '; ')
}

const maxLines = 30

/** Builds the alert for a change of the incident. */
export function createIncidentAlert({ domain, environment }: Config, news: IncidentEvent, at: number): Alert {
  const { kind, incident, failing, end, forgotten = [] } = news
  const common = {
    kind,
    domain,
    environment,
    since: incident.start,
    incident: getIncidentId(incident.start),
  } as const
  const visitors = incident.rank === 3 ? ['Visitors are affected.'] : []
  if (kind !== 'recovery') {
    return {
      ...common,
      verdict: getVerdict(incident.rank),
      at,
      title: formatSentence(failing),
      lines: [
        ...failing
          .slice(0, maxLines)
          .map(({ target, rank, cause }) => `${getVerdict(rank)} ${target}: ${cause}`),
        ...(failing.length > maxLines ? [`and ${failing.length - maxLines} more`] : []),
        ...visitors,
        `${formatScriptLine('health')} shows the current state.`,
      ],
    }
  }
  return {
    ...common,
    verdict: getVerdict(failing[0]?.rank ?? 0),
    at: end!,
    title: `incident resolved after ${formatDuration(end! - incident.start)}: ${formatList(incident.targets, 2)}`,
    lines: [
      `Affected: ${incident.targets.slice(0, 100).join(', ')}.`,
      `Severity: ${getVerdict(incident.rank)}${incident.rank === 3 ? ', visitors were affected' : ''}.`,
      ...failing
        .slice(0, maxLines)
        .map(({ target, rank, cause }) => `Still ${getVerdict(rank)} ${target}: ${cause}`),
      ...forgotten.map((target) => `${target} has not recovered: it is no longer checked.`),
    ],
  }
}
