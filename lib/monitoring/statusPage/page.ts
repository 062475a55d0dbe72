import { createHash } from 'node:crypto'
import { escapeHtml } from '../../html/escape.ts'
import { legendMark, lineChart } from '../../html/lineChart.ts'
import { pageStyle } from '../../html/style.ts'
import { formatDigestTag, type StatusPage } from '../../vps/statusPage.ts'
import { formatDayLabel } from './labels.ts'
import {
  barsLegend,
  faultyDays,
  incidentsSection,
  latencyTable,
  monthSection,
  partSection,
  renderMoment,
  worksSection,
} from './sections.ts'
import { favicon, icon, statusStyle } from './style.ts'
import type { Latency, Part, StatusView } from './types.ts'

/**
 * Renders the page: one document without scripts or requests, in light and dark. Its digest covers everything
 * readable except the time at which it was made, so pages with the same content have the same digest.
 */
export async function renderStatusPage(view: StatusView): Promise<StatusPage> {
  const charts = await Promise.all(view.latency.map(latencyFigure))
  const parts = (digest: string, made: string) => renderDocument(view, charts, digest, made)
  const readable = parts('', '').replaceAll(/ value="[^"]*"/g, '')
  const digest = createHash('sha256').update(readable).digest('hex')
  const { title, seenAt } = view.headline
  return {
    html: parts(formatDigestTag(digest), renderMoment(view.madeAt)),
    digest,
    // Quoted, so that it does not look like a failure of the task whose name precedes it.
    summary: `it says “${title}”${seenAt === undefined ? '' : `, seen ${new Date(seenAt).toISOString().slice(0, 16)}Z`}`,
  }
}

function renderDocument(view: StatusView, charts: readonly string[], digest: string, made: string): string {
  const { headline, parts, domain } = view
  const site = escapeHtml(domain)
  const days = parts[0]?.days.length ?? 0
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="Status of ${site}: now, over the last ${days} days, and past incidents.">
${digest}
<title>${escapeHtml(headline.title)} – ${site}</title>
<link rel="canonical" href="https://${site}/status/">
<link rel="icon" href="${favicon(headline.level)}">
<style>${pageStyle}${statusStyle}</style>
</head>
<body>
<div class="page">
<header class="top"><a href="/">${site}</a><p>Status, all times in UTC</p></header>
<main>
<section class="state ${headline.level}" aria-labelledby="state">
${icon(headline.level)}
<div><h1 id="state">${escapeHtml(headline.title)}</h1>
<p>${escapeHtml(headline.text)}</p>
<p class="seen">${headline.seenAt === undefined ? 'No check has run yet.' : `Last checked ${renderMoment(headline.seenAt)}.`}</p></div>
</section>
<section aria-labelledby="days">
<h2 id="days">The last ${days} days</h2>
<div class="card"><div class="parts">
${parts.map(partSection).join('\n')}
</div>
${barsLegend}
${renderHistoryStart(parts)}${faultyDays(parts)}</div>
</section>
${monthSection(view.month)}
<section aria-labelledby="times">
<h2 id="times">Response times</h2>
<div class="charts">${charts.join('\n') || '<p>No measurements yet.</p>'}</div>
${latencyTable(view.month)}
</section>
${incidentsSection(view.incidents, days)}
${worksSection(view.works, days)}
</main>
<footer>
<p>A program outside the site requests it at short intervals, as a visitor would. Each check is valid until the next one.
Time without checks is unknown; unknown time, planned maintenance and deploys count neither as up nor as down. Slow answers
count as up.</p>
<p>Generated ${made}. Reload the page for newer data.</p>
</footer>
</div>
</body>
</html>
`
}

/** Says where the history starts, so that empty days are not mistaken for lost data. */
function renderHistoryStart(parts: readonly Part[]): string {
  const first = parts.flatMap(({ days }) => days.find(({ kind }) => kind !== 'none')?.date ?? []).sort()[0]
  if (first === undefined || first === parts[0]?.days[0]?.date) return ''
  return `<p class="begins">The history starts on ${formatDayLabel(first)}.</p>\n`
}

const formatMilliseconds = (value: number): string =>
  value >= 1000 ? `${Math.round(value / 100) / 10} s` : `${Math.round(value)} ms`

async function latencyFigure({ id, name, points, from, to, limitMs }: Latency): Promise<string> {
  const series = (pick: 'p50' | 'p95') =>
    points.map((point) => ({ at: new Date(point.at), value: point[pick] }))
  const known = (pick: 'p50' | 'p95') => points.flatMap((point) => point[pick] ?? [])
  const range = (pick: 'p50' | 'p95') => {
    const values = known(pick)
    const sorted = values.toSorted((a, b) => a - b)
    return `between ${formatMilliseconds(sorted[0]!)} and ${formatMilliseconds(sorted.at(-1)!)}, in the latest hour ${formatMilliseconds(values.at(-1)!)}`
  }
  const measured = known('p50').length > 0
  const limit = [from, to].map((at) => ({ at: new Date(at), value: limitMs }))
  const svg = await lineChart({
    id: `latency-${escapeHtml(id)}`,
    title: `${name}: response times by hour`,
    description: measured
      ? `The median was ${range('p50')}. The 95th percentile was ${range('p95')}. Answers above ${formatMilliseconds(limitMs)} count as slow.`
      : 'No measurements.',
    lines: [series('p50'), series('p95'), limit],
    from: new Date(from),
    to: new Date(to),
    format: formatMilliseconds,
    height: 200,
  })
  return `<figure class="card"><figcaption><h3>${escapeHtml(name)}</h3>
<small>${legendMark(0)} median,  ${legendMark(1)} 95th percentile,  ${legendMark(2)} slow from ${formatMilliseconds(limitMs)}</small></figcaption>${svg}</figure>`
}
