/*
 * The public words for what the health check knows by ids and raw errors. Only what stands here reaches the page.
 */

import { areas } from '../health/answers.ts'

/** The API's areas: names of nothing else are shown, whatever they look like. */
const areaIds: ReadonlySet<string> = new Set(areas.map(({ id }) => id))

/** What a visitor would notice, by the ids of docs/health.md. Extra targets are the operator's own affair. */
export const isVisible = (target: string): boolean =>
  target === 'static' || target === 'api' || areaIds.has(target)

/** `Website`, `API`, `API: Treasury`. */
export function nameOf(target: string): string {
  if (target === 'static') return 'Website'
  if (target === 'api') return 'API'
  const words = target.replace(/^api-/, '').replaceAll('-', ' ')
  return `API: ${words === 'ai' ? 'AI' : words[0]!.toUpperCase() + words.slice(1)}`
}

/** Website, API, then its areas by name. */
export const byImportance = (a: string, b: string): number =>
  rankOf(a) - rankOf(b) || (nameOf(a) < nameOf(b) ? -1 : 1)
const rankOf = (target: string): number => (target === 'static' ? 0 : target === 'api' ? 1 : 2)

/** `The website and the API`. */
export function subjectOf(targets: readonly string[]): { text: string; plural: boolean } {
  const visible = targets.filter(isVisible).sort(byImportance)
  const names = [
    ...(visible.includes('static') ? ['the website'] : []),
    // The API as a whole stands for its areas.
    ...(visible.includes('api') ? ['the API'] : areasOf(visible)),
  ]
  const text = names.join(' and ')
  return {
    text: text && text[0]!.toUpperCase() + text.slice(1),
    plural: names.length > 1 || /parts/.test(text),
  }
}

function areasOf(visible: readonly string[]): string[] {
  const names = visible
    .filter((target) => areaIds.has(target))
    .map((target) => nameOf(target).slice('API: '.length))
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
 * @param cause the incident's own words: they alone tell whether it was about time (rank 1 and 2)
 */
export function troubleTitle(
  targets: readonly string[],
  rank: 1 | 2 | 3,
  over: boolean,
  cause = '',
): string | undefined {
  const { text, plural } = subjectOf(targets)
  if (text === '') return undefined
  if (rank === 3) {
    return over
      ? `${text} did not work as expected`
      : `${text} ${plural ? 'do' : 'does'} not work as expected`
  }
  const is = over ? (plural ? 'were' : 'was') : plural ? 'are' : 'is'
  return `${text} ${is} ${isOfTime(cause) ? 'slower than usual' : 'impaired'}`
}

/** Each thing that it names answered well, and late: `api 200 in 640 ms, limit 500 ms; static 640 ms`. */
const isOfTime = (cause: string): boolean =>
  cause.split('; ').every((part) => /\d ms$/.test(part) && !/\bwithin\b/.test(part))

/** Kinds of raw errors and the words for them; the first that fits. */
const kinds: readonly (readonly [RegExp, string])[] = [
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

/** Parts behind the site that failed with it. */
const behind: readonly (readonly [string, string])[] = [
  ['database', 'the database'],
  ['redis', 'the job queue'],
  ['queue', 'the job queue'],
  ['backend', 'the application server'],
  ['containers', 'the application server'],
]

/** Why, in plain words; never in the error's own, which may name hosts and files. '' when there is nothing to say. */
export function causeWords(cause: string, targets: readonly string[]): string {
  // 500 ms are no 500.
  const text = cause.replaceAll(/\b(\d+ in )?\d+ ms\b(, limit \d+ ms)?/g, 'slow')
  const kind = kinds.find(([pattern]) => pattern.test(text))?.[1]
  const parts = [...new Set(behind.filter(([id]) => targets.includes(id)).map(([, words]) => words))]
  const part = parts.length > 0 ? `Behind it ${parts.join(' and ')} had a problem.` : undefined
  return [kind, part].filter(Boolean).join(' ')
}

/** `under a minute`, `12 min`, `1 h 5 min`, `3 d 2 h`. */
export function duration(minutes: number): string {
  const whole = Math.round(minutes)
  if (whole < 1) return 'under a minute'
  if (whole < 60) return `${whole} min`
  const hours = Math.floor(whole / 60)
  if (hours < 24) return [`${hours} h`, whole % 60 ? `${whole % 60} min` : ''].filter(Boolean).join(' ')
  return [`${Math.floor(hours / 24)} d`, hours % 24 ? `${hours % 24} h` : ''].filter(Boolean).join(' ')
}

/** `23 Nov 2026` */
export function dayWords(date: string): string {
  const [, day, month, year] = new Date(`${date}T00:00:00Z`).toUTCString().split(' ')
  return `${Number(day)} ${month} ${year}`
}
