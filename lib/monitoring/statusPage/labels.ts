/*
 * The public words for what the health check knows by ids and raw errors. Only what stands here reaches the page.
 */

import { areas } from '../../checks/responses.ts'

/** The API's areas: names of nothing else are shown, whatever they look like. */
const areaIds: ReadonlySet<string> = new Set(areas.map(({ id }) => id))

/** What a visitor would notice, by the ids of docs/health.md. Extra targets are the operator's own affair. */
export const isVisible = (target: string): boolean =>
  target === 'static' || target === 'api' || areaIds.has(target)

/** `Website`, `API`, `API: Treasury`. */
export function getServiceName(target: string): string {
  if (target === 'static') return 'Website'
  if (target === 'api') return 'API'
  const words = target.replace(/^api-/, '').replaceAll('-', ' ')
  return `API: ${words === 'ai' ? 'AI' : words[0]!.toUpperCase() + words.slice(1)}`
}

/** Website, API, then its areas by name. */
export const compareServices = (a: string, b: string): number =>
  getServiceOrder(a) - getServiceOrder(b) || (getServiceName(a) < getServiceName(b) ? -1 : 1)
const getServiceOrder = (target: string): number => (target === 'static' ? 0 : target === 'api' ? 1 : 2)

/** `Website, API and its parts AI, Agents`. */
export function formatList(targets: readonly string[]): string {
  const [main, parts] = [
    ['static', 'api'],
    targets.filter((target) => areaIds.has(target)).sort(compareServices),
  ]
  const names = main.filter((target) => targets.includes(target)).map(getServiceName)
  const areaNames = parts.map((target) => getServiceName(target).slice('API: '.length)).join(', ')
  if (parts.length === 0) return names.join(', ')
  if (!targets.includes('api')) return [...names, `API: ${areaNames}`].join(', ')
  return `${names.join(', ')} and its part${parts.length > 1 ? 's' : ''} ${areaNames}`
}

/** `The website and the API`. */
export function getSubject(targets: readonly string[]): { text: string; plural: boolean } {
  const visible = targets.filter(isVisible).sort(compareServices)
  const names = [
    ...(visible.includes('static') ? ['the website'] : []),
    // The API as a whole stands for its areas.
    ...(visible.includes('api') ? ['the API'] : formatAreas(visible)),
  ]
  const text = names.join(' and ')
  return {
    text: text && text[0]!.toUpperCase() + text.slice(1),
    plural: names.length > 1 || /parts/.test(text),
  }
}

function formatAreas(visible: readonly string[]): string[] {
  const names = visible
    .filter((target) => areaIds.has(target))
    .map((target) => getServiceName(target).slice('API: '.length))
  if (names.length === 0) return []
  if (names.length === 1) return [`the ${names[0]} part of the API`]
  return [
    names.length > 3
      ? 'parts of the API'
      : `the ${names.join(', ').replace(/, ([^,]*)$/, ' and $1')} parts of the API`,
  ]
}

/**
 * What an incident was to visitors; undefined when they noticed nothing of it.
 * @param causes the looks' own words: they alone tell whether it was about time (rank 1 and 2)
 */
export function formatIncidentTitle(
  targets: readonly string[],
  rank: 1 | 2 | 3,
  over: boolean,
  causes: readonly string[] = [],
): string | undefined {
  const { text, plural } = getSubject(targets)
  if (text === '') return undefined
  if (rank === 3) {
    return over
      ? `${text} did not work as expected`
      : `${text} ${plural ? 'do' : 'does'} not work as expected`
  }
  const is = over ? (plural ? 'were' : 'was') : plural ? 'are' : 'is'
  return `${text} ${is} ${isLatencyOnly(causes) ? 'slower than usual' : 'impaired'}`
}

/** Each answer was a good one, and late: `200 in 640 ms, limit 500 ms`. */
const isLatencyOnly = (causes: readonly string[]): boolean =>
  causes.length > 0 && causes.every((cause) => /\d ms$/.test(cause) && !/\bwithin\b/.test(cause))

/** Kinds of raw errors and the words for them; the first that fits. */
const causePatterns: readonly (readonly [RegExp, string])[] = [
  [
    /time(d )?[- ]?out|no answer within|did not (end|answer) within|ETIMEDOUT|\baborted\b/i,
    'No answer came in time.',
  ],
  [/certificate|\bTLS\b|\bSSL\b/i, 'No secure connection could be made.'],
  [/ENOTFOUND|EAI_AGAIN|\bDNS\b|no address/i, 'Its name could not be found.'],
  [
    /ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|EPIPE|socket hang up|refused|unreachable/i,
    'No connection could be made.',
  ],
  [/\b5\d\d\b/, 'It answered with an error.'],
  [/\b4\d\d\b/, 'It did not find what was asked for.'],
  [/\bslow/i, 'Answers took too long.'],
]

/** Parts behind the site, where an answer of the site itself names them. */
const dependencies: readonly (readonly [RegExp, string])[] = [
  [/\b(database|postgres\w*)\b/i, 'the database'],
  [/\b(redis|queue)\b/i, 'the job queue'],
]

/**
 * Why, in plain words; never in the error's own, which may name hosts and files. '' when there is nothing to say.
 * @param causes of the looks at what visitors use, and of nothing else; what most of them say is taken
 */
export function formatPublicCause(causes: readonly string[]): string {
  const counts = new Map<string, number>()
  const parts = new Set<string>()
  for (const cause of causes) {
    // Neither addresses nor what another probe says; 500 ms are no 500, and :443 is no 443.
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
  const part = parts.size > 0 ? `Behind it ${[...parts].join(' and ')} had a problem.` : undefined
  return [kind, part].filter(Boolean).join(' ')
}

/**
 * Of an incident's line (`static, api and 5 more refused; tls, queue …`) what is said of the things that visitors use,
 * without their names.
 */
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
