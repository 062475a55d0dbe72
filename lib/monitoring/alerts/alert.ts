import type { Runner } from '../../shell/runner.ts'
import { OpsError } from '../../util/errors.ts'
import type { Verdict } from '../../util/status.ts'

/** What is told to people. Plain data: it goes through JSON when it has to wait. */
export interface Alert {
  /** `raised`: the same incident, worse than before. */
  readonly kind: 'problem' | 'raised' | 'reminder' | 'recovery' | 'test'
  readonly verdict: Verdict
  readonly domain: string
  /** The name given to --env, else `default`. */
  readonly environment: string
  /** Milliseconds since 1970: of this alert, and of the incident's beginning. */
  readonly at: number
  readonly since: number
  /** One line: what is wrong, or what was. */
  readonly title: string
  /** More of it, a line each. */
  readonly lines: readonly string[]
  /** The same for all alerts of one incident. */
  readonly incident: string
}

export type ChannelName = 'webhook' | 'slack' | 'teams' | 'email'

/** One way for an alert to leave this machine. */
export interface Channel {
  readonly name: ChannelName
  /** As in "could not be sent to …". */
  readonly title: string
  /** What to set, in which file, when it refuses. */
  readonly key: string
  readonly file: string
  /**
   * Gives a remark when it got through, but not to everybody. Throws when it did not get through: a RefusedError where
   * this very message would not the next time, either.
   */
  deliver(runner: Runner, alert: Alert): Promise<string | undefined>
}

/** The receiver was reached, and does not take such a message. */
export class RefusedError extends OpsError {}

/** Milliseconds that one channel, or one ping, may take. */
export const deliveryTimeoutMs = 10_000

const prefixes = {
  problem: (verdict: Verdict) => verdict,
  raised: (verdict: Verdict) => `Now ${verdict}`,
  reminder: (verdict: Verdict) => `Still ${verdict}`,
  recovery: () => 'Recovered',
  test: () => 'Test',
}

/** `Still CRITICAL: codexdominion.app (staging): api 503`, one line whatever the title holds. */
export function formatHeadline({ kind, verdict, domain, environment, title }: Alert): string {
  const where = environment === 'default' ? domain : `${domain} (${environment})`
  return toOneLine(`${prefixes[kind](verdict)}: ${where}: ${title}`)
}

/** `2026-11-23 04:30 UTC`. */
export const formatMoment = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`

/** Since when and which incident; a test has neither. */
export function getFacts({ kind, at, since, incident }: Alert): [name: string, value: string][] {
  if (kind === 'test') return [['Sent', formatMoment(at)]]
  return [
    [kind === 'recovery' ? 'Began' : 'Since', formatMoment(since)],
    [kind === 'recovery' ? 'Ended' : 'Seen', formatMoment(at)],
    ['Incident', incident],
  ]
}

/** Names one alert for good: a receiver that gets it twice can tell. */
export const getAlertId = ({ incident, kind, at }: Alert): string => `${incident}-${kind}-${at}`

export const toOneLine = (text: string): string => text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim()

/** At most so many characters, the last one an ellipsis where something was cut off. */
export function truncate(text: string, characters: number): string {
  const all = [...text]
  return all.length <= characters ? text : `${all.slice(0, characters - 1).join('')}…`
}
