import type { Runner } from '../../shell/runner.ts'
import { OpsError } from '../../util/errors.ts'
import type { Verdict } from '../../util/status.ts'
import { formatUtc } from '../../util/time.ts'

/** An alert for people. Plain data: it is stored as JSON while it is queued. */
export interface Alert {
  /** `raised`: the same incident has become worse. */
  readonly kind: 'problem' | 'raised' | 'reminder' | 'recovery' | 'test'
  readonly verdict: Verdict
  readonly domain: string
  /** The name given to --env, else `default`. */
  readonly environment: string
  /** Milliseconds since 1970: of this alert, and of the start of the incident. */
  readonly at: number
  readonly since: number
  /** One line: what is, or was, wrong. */
  readonly title: string
  /** Details, one line each. */
  readonly lines: readonly string[]
  /** Identical for all alerts of one incident. */
  readonly incident: string
}

export const channelNames = ['webhook', 'slack', 'teams', 'email'] as const
export type ChannelName = (typeof channelNames)[number]

/** A channel by which alerts leave this machine. */
export interface Channel {
  readonly name: ChannelName
  /** Used in "could not be sent to …". */
  readonly title: string
  /** The key to correct, and its file, when the channel refuses. */
  readonly key: string
  readonly file: string
  /**
   * Returns a remark when the alert reached only some recipients. Throws when it was not delivered: a RefusedError
   * when the same message would be refused again.
   */
  deliver(runner: Runner, alert: Alert): Promise<string | undefined>
}

/** The receiver was reached and refuses such a message. */
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

/** At most this many characters; the last one is an ellipsis where text was cut off. */
export function truncate(text: string, characters: number): string {
  const all = [...text]
  return all.length <= characters ? text : `${all.slice(0, characters - 1).join('')}…`
}
