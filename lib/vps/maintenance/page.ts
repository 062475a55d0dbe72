import type { Config } from '../../config/config.ts'
import { escapeHtml } from '../../html/escape.ts'
import type { HttpResponse } from '../../net/http.ts'
import { parseJson } from '../../util/json.ts'
import { renderTemplate } from '../template.ts'

/** A maintenance window as announced to visitors. Times are ISO 8601 in UTC. */
export interface Maintenance {
  /** '' when its record is damaged. */
  since: string
  /** user@machine; '' when its record is damaged. */
  by: string
  message: string
  until?: string
}

export const defaultMessage =
  'We are working on this site right now. Everything you have saved here is safe; please come back a little later.'

/** Parses `on` and the facts; undefined for an empty text. Damaged facts count as on: visitors still get the page. */
export function parseMaintenance(said: string): Maintenance | undefined {
  if (!said.startsWith('on')) return undefined
  const { since, by, message, until } = parseJson<Partial<Maintenance>>(said.slice('on'.length)) ?? {}
  const facts = { since: text(since), by: text(by), message: text(message) }
  return text(until) && !Number.isNaN(Date.parse(text(until))) ? { ...facts, until: text(until) } : facts
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** `planned maintenance since … by …`, for checks and plans. */
export function formatMaintenance({ since, by, until }: Maintenance): string {
  const end = until ? `, announced until ${until}${Date.parse(until) < Date.now() ? ' (overdue)' : ''}` : ''
  return `planned maintenance since ${since || 'an unknown time'} by ${by || 'an unknown person'}${end}`
}

/** Names the page's folder after the announced end, as an HTTP date (RFC 9110, 5.6.7) for Retry-After in site-https.conf. */
export function formatFolderName({ until }: Maintenance, now: Date): string {
  const created = now.toISOString().replaceAll(/[-:.]/g, '')
  if (!until) return `${created}-open`
  const [weekday, day, month, year, time] = new Date(until).toUTCString().replace(',', '').split(' ')
  return `${created}-until-${weekday}-${day}-${month}-${year}-${time}`
}

/** Renders the files of that folder: the page, the API's answer, and the facts for our own checks. */
export function renderMaintenance(
  config: Config,
  maintenance: Maintenance,
): Readonly<Record<string, string>> {
  const { message, until } = maintenance
  const end = until
    ? `We expect to be back by ${formatTimeElement(until)}.`
    : 'We will be back as soon as we can.'
  const answer = {
    ...{ error: message, status: 503, maintenance: true, generator: maintenanceMark },
    ...(until ? { until } : {}),
  }
  return {
    'index.html': renderTemplate('maintenance.html', {
      domain: config.domain,
      mark: maintenanceMark,
      message: escapeHtml(message),
      until: end,
    }),
    'api.json': `${JSON.stringify(answer)}\n`,
    'facts.json': `${JSON.stringify(maintenance)}\n`,
  }
}

/** Renders a time in UTC as HTML. */
export function formatTimeElement(until: string): string {
  const [, day, month, year, time = ''] = new Date(until).toUTCString().split(' ')
  return `<time datetime="${until}">${day} ${month} ${year}, ${time.slice(0, 5)} UTC</time>`
}

/** Marks the maintenance page and the API's answer, so that our checks distinguish them from another 503. */
const maintenanceMark = 'codex-dominion-maintenance'

/** Recognises the page and the API's answer of our own maintenance mode. */
export const isOurMaintenance = ({ status, body }: Pick<HttpResponse, 'status' | 'body'>): boolean =>
  status === 503 &&
  (body.includes(`<meta name="generator" content="${maintenanceMark}">`) ||
    parseJson<{ generator?: unknown }>(body)?.generator === maintenanceMark)
