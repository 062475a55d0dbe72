import { type Config, formatScriptLine } from '../../config/config.ts'
import type { Runner } from '../../shell/runner.ts'
import { OpsError } from '../../util/errors.ts'
import { formatDuration, formatList } from '../../util/format.ts'
import { formatTimestamp, formatUtc } from '../../util/time.ts'
import type { Verdict } from '../../util/verdict.ts'
import type { IncidentEvent, Rank } from '../incidentState.ts'
import { shortenDetail } from '../report.ts'

/** An alert for people. Plain data: it is stored as JSON while it is queued. */
export interface Alert {
  /** `raised`: the same incident has become worse. */
  readonly kind: 'problem' | 'raised' | 'reminder' | 'recovery' | 'test'
  readonly verdict: Verdict
  readonly domain: string
  /** The name given to --env, or `default`. */
  readonly environment: string
  /** Milliseconds since 1970: of this alert, and of the start of the incident. */
  readonly at: number
  readonly since: number
  /** One line: what is, or was, wrong. */
  readonly title: string
  readonly lines: readonly string[]
  /** Identical for all alerts of one incident. */
  readonly incident: string
}

export const channelNames = ['webhook', 'slack', 'teams', 'email'] as const
export type ChannelName = (typeof channelNames)[number]

export interface Channel {
  readonly name: ChannelName
  /** Completes the phrase "could not be sent to …". */
  readonly title: string
  /** The key to correct, and its file, when the channel refuses. */
  readonly key: string
  readonly file: string
  /**
   * Returns a remark when only some recipients got it. Throws when none did: RefusedError when sending again is futile.
   */
  deliver(runner: Runner, alert: Alert): Promise<string | undefined>
}

/** The receiver was reached and rejects this message. */
export class RefusedError extends OpsError {}

/** Timeout in milliseconds for one channel or one ping. */
export const deliveryTimeoutMs = 10_000

const prefixes = {
  problem: (verdict: Verdict) => verdict,
  raised: (verdict: Verdict) => `Now ${verdict}`,
  reminder: (verdict: Verdict) => `Still ${verdict}`,
  recovery: () => 'Recovered',
  test: () => 'Test',
}

/** `Still CRITICAL: codexdominion.app (staging): api 503`, always on one line. */
export function formatHeadline({ kind, verdict, domain, environment, title }: Alert): string {
  const where = environment === 'default' ? domain : `${domain} (${environment})`
  return toOneLine(`${prefixes[kind](verdict)}: ${where}: ${title}`)
}

/** The times and the incident id; a test alert has only a time. */
export function getFacts({ kind, at, since, incident }: Alert): [name: string, value: string][] {
  if (kind === 'test') return [['Sent', `${formatUtc(at)} UTC`]]
  return [
    [kind === 'recovery' ? 'Began' : 'Since', `${formatUtc(since)} UTC`],
    [kind === 'recovery' ? 'Ended' : 'Seen', `${formatUtc(at)} UTC`],
    ['Incident', incident],
  ]
}

/** Identifies one alert, so that a receiver can recognise a duplicate. */
export const getAlertId = ({ incident, kind, at }: Alert): string => `${incident}-${kind}-${at}`

export const toOneLine = (text: string): string => text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim()

/** At most this many characters; if text was cut off, the last one is an ellipsis. */
export function truncate(text: string, characters: number): string {
  const all = [...text]
  return all.length <= characters ? text : `${all.slice(0, characters - 1).join('')}…`
}

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
