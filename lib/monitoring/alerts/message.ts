import type { Config } from '../../config/config.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import { formatDuration, formatList } from '../../util/format.ts'
import type { Verdict } from '../../util/status.ts'
import { formatTimestamp } from '../../util/time.ts'
import type { IncidentEvent, Rank } from '../incidentState.ts'
import { shortenDetail } from '../report.ts'
import type { Alert } from './alert.ts'

type Failing = Pick<IncidentEvent['failing'][number], 'target' | 'cause'>

const verdicts = { 0: 'OK', 1: 'WARNING', 2: 'CRITICAL', 3: 'CRITICAL' } as const

export const getVerdict = (rank: Rank): Verdict => verdicts[rank]

/** Identifies an incident by its start, which survives a quarantined history. */
export const getIncidentId = (start: number): string => formatTimestamp(start)

const listTargets = (failing: readonly Failing[], most: number): string =>
  formatList(
    failing.map(({ target }) => target),
    most,
  )

/** `api 503; disk 91 % used`: targets with the same cause are grouped. */
export function formatTitle(failing: readonly Failing[]): string {
  const groups = Map.groupBy(failing, ({ cause }) => shortenDetail(cause))
  const parts = [...groups].map(([brief, list]) => `${listTargets(list, 10)} ${brief}`)
  return formatList(parts, 3, '; ')
}

/** A sentence: `static, api and 8 more fail: 503; disk warns: 91 % used`. */
function formatSentence(failing: IncidentEvent['failing']): string {
  const groups = Map.groupBy(failing, ({ rank, cause }) => `${getVerdict(rank)} ${shortenDetail(cause)}`)
  const parts = [...groups.values()].map((list) => {
    const verb = list[0]!.rank >= 2 ? 'fail' : 'warn'
    return `${listTargets(list, 2)} ${verb}${list.length === 1 ? 's' : ''}: ${shortenDetail(list[0]!.cause)}`
  })
  return formatList(parts, 3, '; ')
}

const maxLines = 30

/** Builds the alert for a change of the incident. */
export function createIncidentAlert({ domain, environment }: Config, news: IncidentEvent, at: number): Alert {
  const { kind, incident, failing, end, forgotten = [] } = news
  const { start, rank } = incident
  const common = { kind, domain, environment, since: start, incident: getIncidentId(start) } as const
  const list = (prefix: string) =>
    failing
      .slice(0, maxLines)
      .map(({ target, rank, cause }) => `${prefix}${getVerdict(rank)} ${target}: ${cause}`)
  if (kind !== 'recovery') {
    return {
      ...common,
      verdict: getVerdict(rank),
      at,
      title: formatSentence(failing),
      lines: [
        ...list(''),
        ...(failing.length > maxLines ? [`and ${failing.length - maxLines} more`] : []),
        ...(rank === 3 ? ['Visitors are affected.'] : []),
        `${formatScriptLine('health')} shows the current state.`,
      ],
    }
  }
  return {
    ...common,
    verdict: getVerdict(failing[0]?.rank ?? 0),
    at: end!,
    title: `incident resolved after ${formatDuration(end! - start)}: ${formatList(incident.targets, 2)}`,
    lines: [
      `Affected: ${incident.targets.slice(0, 100).join(', ')}.`,
      `Severity: ${getVerdict(rank)}${rank === 3 ? ', visitors were affected' : ''}.`,
      ...list('Still '),
      ...forgotten.map((target) => `${target} has not recovered: it is no longer checked.`),
    ],
  }
}
