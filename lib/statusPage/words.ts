/*
 * The public words for what the health check knows by ids and raw errors. Only what stands here reaches the page.
 */

/** An area of the API: its id's plain word can be shown. */
const area = /^api-([a-z0-9]+(?:-[a-z0-9]+){0,3})$/

/** What a visitor would notice, by the ids of docs/health.md. Extra targets are the operator's own affair. */
export const isVisible = (target: string): boolean =>
  target === 'static' || target === 'api' || (area.test(target) && target.length <= 40)

/** `Website`, `API`, `API: Treasury`. */
export function nameOf(target: string): string {
  if (target === 'static') return 'Website'
  if (target === 'api') return 'API'
  const words = area.exec(target)?.[1]?.replaceAll('-', ' ') ?? target
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
  const areas = visible
    .filter((target) => area.test(target))
    .map((target) => nameOf(target).slice('API: '.length))
  if (areas.length === 0) return []
  if (areas.length === 1) return [`the ${areas[0]} part of the API`]
  return [
    areas.length > 3
      ? 'parts of the API'
      : `the ${areas.join(', ').replace(/, ([^,]*)$/, ' and $1')} parts of the API`,
  ]
}

/** What an incident was to visitors; undefined when they noticed nothing of it. */
export function troubleTitle(targets: readonly string[], rank: 1 | 2 | 3, over: boolean): string | undefined {
  const { text, plural } = subjectOf(targets)
  if (text === '') return undefined
  if (rank === 3) {
    return over
      ? `${text} did not work as expected`
      : `${text} ${plural ? 'do' : 'does'} not work as expected`
  }
  return `${text} ${over ? (plural ? 'were' : 'was') : plural ? 'are' : 'is'} slower than usual`
}

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
  [/\bslow|\d+ ?ms\b/i, 'Answers took too long.'],
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
  const kind = kinds.find(([pattern]) => pattern.test(cause))?.[1]
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
