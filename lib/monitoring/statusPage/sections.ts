import { escapeHtml } from '../../html/escape.ts'
import { formatDuration } from '../../util/format.ts'
import { formatTimeElement } from '../../vps/maintenance/page.ts'
import { formatPercent } from '../slo/sloReport.ts'
import { formatDayLabel } from './labels.ts'
import { conditionMark } from './style.ts'
import type { Day, Month, Part, PublicIncident, Work } from './types.ts'

/** One part: its name, current state, one bar per day with text, and its availability. */
export function partSection(part: Part): string {
  const name = escapeHtml(part.name)
  const id = `part-${escapeHtml(part.id)}`
  const share = part.percent === null ? 'no data yet' : `${formatPercent(part.percent)} available`
  return `<article class="part" aria-labelledby="${id}">
<div class="head"><h3 id="${id}">${name}</h3>${conditionMark(part.now)}</div>
<ol class="bars" aria-label="${name}, day by day">${part.days.map(bar).join('')}</ol>
<p class="foot"><span>${formatDayLabel(part.days[0]!.date)}</span><span>${share}</span><span>today</span></p>
</article>`
}

const bar = (day: Day): string =>
  `<li${day.kind === 'none' ? '' : ` class="${day.kind}"`}><i></i><span>${dayText(day)}</span></li>`

/** `23 Nov 2026: partly down, 19 min; 98.681 % available` */
function dayText({ date, kind, percent, down, slow }: Day): string {
  const day = formatDayLabel(date)
  if (kind === 'none' || percent === null) return `${day}: no data`
  if (down === 0)
    return `${day}: up${slow > 0 ? `, slower than expected for ${formatDuration(slow * 60_000)}` : ''}`
  return `${day}: ${kind === 'down' ? 'down' : 'partly down'}, ${formatDuration(down * 60_000)}; ${formatPercent(percent)} available`
}

const legend = {
  up: 'up',
  partly: 'partly down',
  down: 'down for at least half of the known time',
  '': 'no data',
}
const legendItems = Object.entries(legend).map(
  ([kind, text]) => `<li><span class="swatch ${kind}" aria-hidden="true"><i></i></span>${text}</li>`,
)
export const barsLegend = `<ul class="legend" aria-label="What the bars mean">${legendItems.join('')}</ul>`

/** Days with a fault as a table, for readers who cannot point at a bar. */
export function faultyDays(parts: readonly Part[]): string {
  const rows = parts.flatMap(({ name, days }) =>
    days.filter(({ down }) => down > 0).map((day) => ({ name, day })),
  )
  if (rows.length === 0) return ''
  rows.sort((a, b) => Date.parse(b.day.date) - Date.parse(a.day.date))
  const cells = rows.map(
    ({ name, day }) =>
      `<tr><th scope="row"><time datetime="${day.date}">${formatDayLabel(day.date)}</time></th><td>${escapeHtml(name)}</td>` +
      `<td>${formatDuration(day.down * 60_000)}</td><td>${day.percent === null ? '–' : formatPercent(day.percent)}</td></tr>`,
  )
  return `<details><summary>All days with a fault</summary>
<section class="scroll" tabindex="0" aria-label="Days with a fault"><table><caption>Days (UTC) with a fault, newest first</caption>
<thead><tr><th scope="col">Day</th><th scope="col">Part</th><th scope="col">Down</th><th scope="col">Available</th></tr></thead>
<tbody>${cells.join('')}</tbody></table></section></details>`
}

export function monthSection(month: Month): string {
  const site = month.rows[0]
  const name = monthName(month)
  // As in `slo`: the rest of the month may compensate for a percentage below the objective.
  const missed = month.budget !== null && month.budget.left < 0
  const lines = month.rows.map(
    ({ id, name, percent, down, notKnown }) =>
      `<tr data-part="${escapeHtml(id)}"><th scope="row">${escapeHtml(name)}</th><td>${percentCell(percent)}</td>` +
      `<td>${down > 0 ? formatDuration(down * 60_000) : '–'}</td><td>${notKnown >= 1 ? formatDuration(Math.round(notKnown) * 60_000) : '–'}</td></tr>`,
  )
  return `<section aria-labelledby="month">
<h2 id="month">This month: ${name}</h2>
<div class="tiles">
<div class="card"><p>Available</p><strong>${percentCell(site?.percent ?? null)}</strong>
<p><small>objective: <data value="${month.goal}">${month.goal} %</data>${missed ? ', missed' : ''}</small></p></div>
<div class="card">${budgetTile(month)}</div>
</div>
${table(`${name}, part by part`, ['Part', 'Available', 'Down', 'Unknown'], lines)}
</section>`
}

export function latencyTable(month: Month): string {
  const timed = month.rows.filter(({ p50 }) => p50 !== null)
  if (timed.length === 0) return ''
  const lines = timed.map(
    ({ id, name, p50, p95, p99 }) =>
      `<tr data-times="${escapeHtml(id)}"><th scope="row">${escapeHtml(name)}</th>` +
      `${[p50, p95, p99].map((value) => `<td>${figure(value)}</td>`).join('')}</tr>`,
  )
  const caption = `${monthName(month)}: response times`
  return table(caption, ['Part', 'Median', '95 % within', '99 % within'], lines)
}

const monthName = ({ from }: Month): string =>
  new Date(from).toLocaleString('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' })

function budgetTile({ budget }: Month): string {
  if (!budget)
    return '<p>Downtime allowed</p><strong>–</strong><p><small>no data for this month yet</small></p>'
  const { total, used, left } = budget
  const spent = left < 0
  const empty = spent ? 100 : 0
  const width = total > 0 ? Math.min(100, (used / total) * 100) : empty
  return `<p>${spent ? 'More downtime than allowed' : 'Allowed downtime left'}</p><strong>${minutes(left, Math.abs(left))}</strong>
<svg class="budget${spent ? ' spent' : ''}" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect width="${width.toFixed(2)}" height="6"/></svg>
<p><small>${minutes(used)} of ${minutes(total)} used</small></p>`
}

/** Minutes with one decimal; the attribute holds the exact value. */
const minutes = (value: number, shown = value): string =>
  `<data value="${value}">${shown.toFixed(1)} min</data>`

const percentCell = (value: number | null): string =>
  value === null ? '–' : `<data value="${value}">${formatPercent(value)}</data>`

const figure = (value: number | null): string =>
  value === null ? '–' : `<data value="${value}">${Math.round(value)}\u00a0ms</data>`

const table = (caption: string, columns: readonly string[], rows: readonly string[]): string =>
  `<div class="card figures"><section class="scroll" tabindex="0" aria-label="${caption}"><table>
<caption>${caption}</caption>
<thead><tr>${columns.map((column) => `<th scope="col">${column}</th>`).join('')}</tr></thead>
<tbody>${rows.join('\n')}</tbody></table></section></div>`

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
