import type { Alert } from '../alerts/alert.ts'
import type { Verdict } from '../command/verdict.ts'
import type { Config } from '../config/config.ts'
import type { News, Rank } from './confirm.ts'
import { atMost, inBrief } from './report.ts'

type Failing = Pick<News['failing'][number], 'target' | 'cause'>

export const verdictOf = (rank: Rank): Verdict => (rank >= 2 ? 'CRITICAL' : rank === 1 ? 'WARNING' : 'OK')

/** Names an incident by its beginning: also after its history was set aside. */
export const incidentName = (start: number): string =>
  `${new Date(start).toISOString().replaceAll(/[-:]/g, '').slice(0, 15)}Z`

/** `api 503; disk 91 % used`, those with the same words together. */
export function titleOf(failing: readonly Failing[]): string {
  const words = new Map<string, string[]>()
  for (const { target, cause } of failing) {
    const brief = inBrief(cause)
    words.set(brief, [...(words.get(brief) ?? []), target])
  }
  const parts = [...words].map(([brief, targets]) => `${atMost(targets, 10, ', ')} ${brief}`)
  return atMost(parts, 3, '; ')
}

const mostLines = 30

/** What people are told of it. */
export function incidentAlert({ domain, environment }: Config, news: News, at: number): Alert {
  const { kind, incident, failing, end, forgotten = [] } = news
  const common = {
    kind,
    domain,
    environment,
    since: incident.start,
    incident: incidentName(incident.start),
  } as const
  const visitors = incident.rank === 3 ? ['Visitors notice it.'] : []
  if (kind !== 'recovery') {
    return {
      ...common,
      verdict: verdictOf(incident.rank),
      at,
      title: titleOf(failing),
      lines: [
        ...failing
          .slice(0, mostLines)
          .map(({ target, rank, cause }) => `${verdictOf(rank)} ${target}: ${cause}`),
        ...(failing.length > mostLines ? [`and ${failing.length - mostLines} more`] : []),
        ...visitors,
        'npx dominion health shows how it is now.',
      ],
    }
  }
  const minutes = Math.max(1, Math.round((end! - incident.start) / 60_000))
  return {
    ...common,
    verdict: 'OK',
    at: end!,
    title: `${atMost(incident.targets, 10, ', ')} after ${minutes} min`,
    lines: [
      `It was ${verdictOf(incident.rank)}${incident.rank === 3 ? ', and visitors noticed it' : ''}.`,
      ...forgotten.map((target) => `${target} has not recovered: nobody asks about it any more.`),
    ],
  }
}
