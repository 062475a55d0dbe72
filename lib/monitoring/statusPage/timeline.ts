import { escapeHtml } from '../../html/escape.ts'
import { formatDuration } from '../../util/format.ts'
import { formatTimeElement } from '../../vps/maintenance/page.ts'
import type { PublicIncident, Work } from './types.ts'

export const renderMoment = (at: number): string => formatTimeElement(new Date(at).toISOString())

/** The most entries shown; the rest is only counted. */
const maxShown = { incidents: 50, works: 30 }

export function incidentsSection(incidents: readonly PublicIncident[], days: number): string {
  const items = incidents.slice(0, maxShown.incidents).map(
    ({ title, cause, start, end }) =>
      `<li${end === undefined ? ' class="open"' : ''}><h3>${escapeHtml(title)}</h3>
<p>${renderSpan(start, end)}</p>${cause ? `\n<p>${escapeHtml(cause)}</p>` : ''}</li>`,
  )
  return renderList(
    'incidents',
    'Incidents',
    items,
    incidents.length,
    `No incidents that visitors could notice in the last ${days} days.`,
  )
}

const workLabels: Readonly<Record<Work['kind'], string>> = {
  deploy: 'Deploy',
  maintenance: 'Planned maintenance',
}

export function worksSection(works: readonly Work[], days: number): string {
  const items = works
    .slice(0, maxShown.works)
    .map(({ kind, start, end }) => `<li><h3>${workLabels[kind]}</h3>\n<p>${renderSpan(start, end)}</p></li>`)
  return renderList(
    'works',
    'Deploys and planned maintenance',
    items,
    works.length,
    `None in the last ${days} days.`,
  )
}

function renderSpan(start: number, end: number | undefined): string {
  if (end === undefined) return `Since ${renderMoment(start)}, ongoing.`
  const [first, last] = [start, end].map((at) => new Date(at).toISOString())
  const sameDay = first!.slice(0, 10) === last!.slice(0, 10)
  const ended = sameDay ? `<time datetime="${last}">${last!.slice(11, 16)} UTC</time>` : renderMoment(end)
  const lasted = formatDuration(end - start)
  if (first!.slice(0, 16) === last!.slice(0, 16)) return `${renderMoment(start)}, for ${lasted}`
  return `${renderMoment(start)} to ${ended} (${lasted})`
}

function renderList(
  id: string,
  heading: string,
  items: readonly string[],
  all: number,
  none: string,
): string {
  const rest = all - items.length
  return `<section aria-labelledby="${id}">
<h2 id="${id}">${heading}</h2>
${items.length > 0 ? `<ol class="log">\n${items.join('\n')}\n</ol>` : `<p>${none}</p>`}
${rest > 0 ? `<p>And ${rest} earlier.</p>` : ''}
</section>`
}
