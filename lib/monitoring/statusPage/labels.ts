/* Public wording for probe ids and raw errors. Only wording from here reaches the page. */

import { quickChecks, siteChecks } from '../../checks/quickChecks.ts'
import { api, getAreaName } from '../../checks/site/api.ts'
import { frontPage } from '../../checks/site/pages.ts'

/** Public names by id; no other name is ever shown. Additional targets are private to the operator. */
const getPublicName = (target: string): string | undefined =>
  quickChecks.find(({ id }) => id === target)?.publicName

export const isVisible = (target: string): boolean => getPublicName(target) !== undefined

/** `Website`, `API`, `API: Treasury`. */
export const getServiceName = (target: string): string => getPublicName(target) ?? getAreaName(target)

const isArea = (target: string): boolean => isVisible(target) && getServiceName(target).startsWith('API: ')
const isService = (target: string): boolean => isVisible(target) && !isArea(target)

/** Order: website, API, then its areas by name. */
export const compareServices = (a: string, b: string): number =>
  getServiceOrder(a) - getServiceOrder(b) || (getServiceName(a) < getServiceName(b) ? -1 : 1)
const isSite = (target: string): boolean => siteChecks.some(({ id }) => id === target)
const getServiceOrder = (target: string): number => {
  const order = siteChecks.findIndex(({ id }) => id === target)
  return order < 0 ? siteChecks.length : order
}

const getAreaNames = (targets: readonly string[]): string[] =>
  targets
    .filter(isArea)
    .sort(compareServices)
    .map((target) => getServiceName(target).slice('API: '.length))

/** `Website, API and its parts AI, Agents`. */
export function formatList(targets: readonly string[]): string {
  const services = targets.filter(isService).sort(compareServices)
  // The API last: its parts follow.
  const [others, ofApi] = [services.filter((id) => id !== api.id), services.filter((id) => id === api.id)]
  const names = [...others, ...ofApi].map(getServiceName)
  const areas = getAreaNames(targets)
  if (areas.length === 0) return names.join(', ')
  if (!targets.includes(api.id)) return [...names, `API: ${areas.join(', ')}`].join(', ')
  return `${names.join(', ')} and its part${areas.length > 1 ? 's' : ''} ${areas.join(', ')}`
}

/** `The website and the API`. */
export function getSubject(targets: readonly string[]): { text: string; plural: boolean } {
  const others = targets.filter((target) => isService(target) && !isSite(target)).sort(compareServices)
  const names = [
    ...(targets.includes(frontPage.id) ? ['the website'] : []),
    // The API as a whole includes its areas.
    ...(targets.includes(api.id) ? ['the API'] : formatAreas(getAreaNames(targets))),
    ...others.map((target) => `the ${getServiceName(target)}`),
  ]
  const text = listFormat.format(names)
  return {
    text: text && text[0]!.toUpperCase() + text.slice(1),
    plural: names.length > 1 || /parts/.test(text),
  }
}

function formatAreas(names: readonly string[]): string[] {
  if (names.length === 0) return []
  if (names.length > 3) return ['parts of the API']
  return [`the ${listFormat.format(names)} part${names.length > 1 ? 's' : ''} of the API`]
}
// British English puts no comma before "and".
const listFormat = new Intl.ListFormat('en-GB')

/** The public title; undefined when visitors noticed nothing. `causes` show whether it was only slow (rank 1 and 2). */
export function formatIncidentTitle(
  targets: readonly string[],
  rank: 1 | 2 | 3,
  over: boolean,
  causes: readonly string[] = [],
): string | undefined {
  const { text, plural } = getSubject(targets)
  if (text === '') return undefined
  const [was, is] = plural ? ['were', 'are'] : ['was', 'is']
  const verb = over ? was : is
  if (rank === 3) return `${text} ${verb} not working as expected`
  return `${text} ${verb} ${isLatencyOnly(causes) ? 'slower than usual' : 'impaired'}`
}

/** True when each answer was correct but slow: `200 in 640 ms, limit 500 ms`. */
const isLatencyOnly = (causes: readonly string[]): boolean =>
  causes.length > 0 && causes.every((cause) => /\d ms$/.test(cause) && !/\bwithin\b/.test(cause))

/** Patterns of raw errors and their public wording; the first match applies. */
const causePatterns: readonly (readonly [RegExp, string])[] = [
  [
    /time(d )?[- ]?out|no answer within|did not (end|finish|answer) within|ETIMEDOUT|\baborted\b/i,
    'No answer came in time.',
  ],
  [/certificate|\bTLS\b|\bSSL\b/i, 'No secure connection could be established.'],
  [/ENOTFOUND|EAI_AGAIN|\bDNS\b|no address/i, 'Its name could not be resolved.'],
  [
    /ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|EPIPE|socket hang up|refused|unreachable/i,
    'No connection could be established.',
  ],
  [/\b5\d\d\b/, 'It answered with an error.'],
  [/\b4\d\d\b/, 'It did not find the requested page.'],
  [/\bslow/i, 'Answers took too long.'],
]

/** Dependencies that an answer of the site itself may name. */
const dependencies: readonly (readonly [RegExp, string])[] = [
  [/\b(database|postgres\w*)\b/i, 'the database'],
  [/\b(redis|queue)\b/i, 'the job queue'],
]

/**
 * The cause in public words, never as reported, which may name hosts and files; empty when nothing can be said. The
 * most frequent cause wins.
 * @param causes reported for visible targets only
 */
export function formatPublicCause(causes: readonly string[]): string {
  const counts = new Map<string, number>()
  const parts = new Set<string>()
  for (const cause of causes) {
    // Remove addresses and references to other probes, and numbers that are not status codes: 500 ms, :443.
    const text = cause
      .replaceAll(/\bhttps?:\/\/\S+/g, '')
      .replaceAll(/(for )?the same reason as .*/g, '')
      .replaceAll(/:\d+\b/g, '')
      .replaceAll(/\b(\d+ in )?\d+ ms\b(, limit \d+ ms)?/g, 'slow')
    const kind = causePatterns.find(([pattern]) => pattern.test(text))?.[1]
    if (kind) counts.set(kind, (counts.get(kind) ?? 0) + 1)
    if (/\b5\d\d\b/.test(text))
      for (const [pattern, words] of dependencies) if (pattern.test(text)) parts.add(words)
  }
  const [kind] = [...counts].sort(([, a], [, b]) => b - a)[0] ?? []
  const part = parts.size > 0 ? `${[...parts].join(' and ').replace(/^t/, 'T')} had a problem.` : undefined
  return [kind, part].filter(Boolean).join(' ')
}

/** The causes of visible targets in an incident's cause (`static, api and 5 more refused; tls, queue …`). */
export const parsePublicCauses = (line: string): string[] =>
  line.split('; ').flatMap((part) => {
    const [, names = '', said = ''] = /^((?:[^\s,;]+, )*[^\s,;:]+)(?: and \d+ more)?:? (.+)$/.exec(part) ?? []
    return names.split(', ').some(isVisible) ? said : []
  })

/** `23 Nov 2026` */
export function formatDayLabel(date: string): string {
  const [, day, month, year] = new Date(`${date}T00:00:00Z`).toUTCString().split(' ')
  return `${Number(day)} ${month} ${year}`
}
