import { escapeHtml } from '../../html/escape.ts'
import { formatDuration } from '../../util/format.ts'
import { formatPercent } from '../slo/availability.ts'
import { formatDayLabel } from './labels.ts'
import { conditionMark } from './style.ts'
import type { Day, Part } from './types.ts'

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
