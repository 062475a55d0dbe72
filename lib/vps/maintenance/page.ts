import type { Config } from '../../config/config.ts'
import { escapeHtml } from '../../html/escape.ts'
import type { HttpResponse } from '../../net/http.ts'
import { renderTemplate } from '../template.ts'

/** A maintenance that is announced to the visitors. Times are ISO 8601 in UTC. */
export interface Maintenance {
  /** '' when its record is damaged. */
  since: string
  /** user@machine; '' when its record is damaged. */
  by: string
  message: string
  /** The end that was announced, if one was. */
  until?: string
}

export const defaultMessage =
  'We are working on this site right now. Everything you have left here is safe; please come back a little later.'

/**
 * Reads what server-state.sh says: `on` and the facts, or nothing. Facts that are damaged do not end a maintenance: visitors
 * get its page all the same.
 */
export function parseMaintenance(said: string): Maintenance | undefined {
  if (!said.startsWith('on')) return undefined
  try {
    const { since, by, message, until } = JSON.parse(said.slice('on'.length)) as Partial<Maintenance>
    const facts = { since: text(since), by: text(by), message: text(message) }
    return text(until) && !Number.isNaN(Date.parse(text(until))) ? { ...facts, until: text(until) } : facts
  } catch {
    return { since: '', by: '', message: '' }
  }
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** `planned maintenance since … by …`, as checks and plans say it. */
export function formatMaintenance({ since, by, until }: Maintenance): string {
  const end = until ? `, announced until ${until}${Date.parse(until) < Date.now() ? ' (overdue)' : ''}` : ''
  return `planned maintenance since ${since || 'an unknown time'} by ${by || 'an unknown person'}${end}`
}

/**
 * The name of the folder that the page lies in. It carries the announced end in the words of an HTTP date (RFC 9110,
 * 5.6.7), which nginx reads from there into Retry-After: site-https.conf.
 */
export function formatFolderName({ until }: Maintenance, now: Date): string {
  const made = now.toISOString().replaceAll(/[-:.]/g, '')
  if (!until) return `${made}-open`
  const [weekday, day, month, year, time] = new Date(until).toUTCString().replace(',', '').split(' ')
  return `${made}-until-${weekday}-${day}-${month}-${year}-${time}`
}

/** What lies in that folder: the page for people, the answer for programs, and the facts for our own checks. */
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

/** A moment for people, in UTC. */
export function formatTimeElement(until: string): string {
  const [, day, month, year, time = ''] = new Date(until).toUTCString().split(' ')
  return `<time datetime="${until}">${day} ${month} ${year}, ${time.slice(0, 5)} UTC</time>`
}

/** Stands in the maintenance page and in the API's answer beside it: by this our own checks tell them from a stranger's 503. */
export const maintenanceMark = 'codex-dominion-maintenance'

/** Is this the page, or the API's answer, of our own maintenance mode? (templates/maintenance.html, maintenancePage.ts) */
export const isOurMaintenance = ({ status, body }: Pick<HttpResponse, 'status' | 'body'>): boolean =>
  status === 503 &&
  (body.includes(`<meta name="generator" content="${maintenanceMark}">`) ||
    getGenerator(body) === maintenanceMark)

function getGenerator(body: string): unknown {
  try {
    return (JSON.parse(body) as { generator?: unknown } | null)?.generator
  } catch {
    return undefined
  }
}
