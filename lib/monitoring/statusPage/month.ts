import { escapeHtml } from '../../html/escape.ts'
import { formatDuration } from '../../util/format.ts'
import { formatPercent } from '../slo/availability.ts'
import type { Month } from './types.ts'

export function monthSection(month: Month): string {
  const site = month.rows[0]
  const name = monthName(month)
  // As in `slo`: the rest of the month may compensate for a percentage below the objective.
  const missed = month.budget !== null && month.budget.left < 0
  const lines = month.rows.map(
    ({ id, name, percent, down, notKnown }) =>
      `<tr data-part="${escapeHtml(id)}"><th scope="row">${escapeHtml(name)}</th><td>${percentCell(percent)}</td>` +
      `<td>${down > 0 ? formatDuration(down * 60_000) : '–'}</td><td>${notKnown >= 1 ? formatDuration(notKnown * 60_000) : '–'}</td></tr>`,
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
