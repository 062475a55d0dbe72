import { escapeHtml } from '../../html/escape.ts'
import { formatDuration } from '../../util/format.ts'
import { timeElement } from '../../vps/maintenance/page.ts'
import type { PublicIncident, Work } from './types.ts'

/** A moment as `<time>`. */
export const moment = (at: number): string => timeElement(new Date(at).toISOString())

/** More than these are told by their number. */
const shown = { troubles: 50, works: 30 }

export function troublesSection(troubles: readonly PublicIncident[], days: number): string {
  const items = troubles.slice(0, shown.troubles).map(
    ({ title, cause, start, end }) =>
      `<li${end === undefined ? ' class="open"' : ''}><h3>${escapeHtml(title)}</h3>
<p>${span(start, end)}</p>${cause ? `\n<p>${escapeHtml(cause)}</p>` : ''}</li>`,
  )
  return list(
    'incidents',
    'Incidents',
    items,
    troubles.length,
    `None in the last ${days} days that visitors could notice.`,
  )
}

const names: Readonly<Record<Work['kind'], string>> = { deploy: 'Deploy', maintenance: 'Planned maintenance' }

export function worksSection(works: readonly Work[], days: number): string {
  const items = works
    .slice(0, shown.works)
    .map(({ kind, start, end }) => `<li><h3>${names[kind]}</h3>\n<p>${span(start, end)}</p></li>`)
  return list(
    'works',
    'Deploys and planned maintenance',
    items,
    works.length,
    `None in the last ${days} days.`,
  )
}

function span(start: number, end: number | undefined): string {
  if (end === undefined) return `Since ${moment(start)}: not over yet.`
  const [first, last] = [start, end].map((at) => new Date(at).toISOString())
  const sameDay = first!.slice(0, 10) === last!.slice(0, 10)
  const ended = sameDay ? `<time datetime="${last}">${last!.slice(11, 16)} UTC</time>` : moment(end)
  const lasted = formatDuration(end - start)
  if (first!.slice(0, 16) === last!.slice(0, 16)) return `${moment(start)}, for ${lasted}`
  return `${moment(start)} to ${ended} (${lasted})`
}

function list(id: string, heading: string, items: readonly string[], all: number, none: string): string {
  const rest = all - items.length
  return `<section aria-labelledby="${id}">
<h2 id="${id}">${heading}</h2>
${items.length > 0 ? `<ol class="log">\n${items.join('\n')}\n</ol>` : `<p>${none}</p>`}
${rest > 0 ? `<p>And ${rest} before these.</p>` : ''}
</section>`
}
