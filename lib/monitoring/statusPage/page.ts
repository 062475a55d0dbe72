import { createHash } from 'node:crypto'
import { escapeHtml } from '../../html/escape.ts'
import { chartStyle, legendMark, lineChart } from '../../html/lineChart.ts'
import { pageStyle } from '../../html/style.ts'
import { digestTag, type StatusPage } from '../../vps/statusPage.ts'
import { formatDayLabel } from './labels.ts'
import { latencyTable, monthSection } from './month.ts'
import { favicon, icon, statusStyle } from './style.ts'
import { incidentsSection, renderMoment, worksSection } from './timeline.ts'
import type { Latency, Part, StatusView } from './types.ts'
import { barsLegend, faultyDays, partSection } from './uptimeBars.ts'

/**
 * The page: one document without script or request, light and dark as the reader's system has it. Its digest is that of
 * what can be read, without the moment at which it was made: a page that says the same has the same.
 */
export async function renderStatusPage(view: StatusView): Promise<StatusPage> {
  const charts = await Promise.all(view.latency.map(latencyFigure))
  const parts = (digest: string, made: string) => renderDocument(view, charts, digest, made)
  const readable = parts('', '').replaceAll(/ value="[^"]*"/g, '')
  const digest = createHash('sha256').update(readable).digest('hex')
  const { title, seenAt } = view.headline
  return {
    html: parts(digestTag(digest), renderMoment(view.madeAt)),
    digest,
    // In quotes: it stands behind the name of a step, whose own failure it is not.
    says: `it says “${title}”${seenAt === undefined ? '' : `, seen ${new Date(seenAt).toISOString().slice(0, 16)}Z`}`,
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
<meta name="description" content="Whether ${site} works: now, over the last ${days} days, and what has happened.">
${digest}
<title>${escapeHtml(headline.title)} – ${site}</title>
<link rel="canonical" href="https://${site}/status/">
<link rel="icon" href="${favicon(headline.level)}">
<style>${chartStyle}${pageStyle}${statusStyle}</style>
</head>
<body>
<div class="page">
<header class="top"><a href="/">${site}</a><p>Status, all times in UTC</p></header>
<main>
<section class="state ${headline.level}" aria-labelledby="state">
${icon(headline.level)}
<div><h1 id="state">${escapeHtml(headline.title)}</h1>
<p>${escapeHtml(headline.text)}</p>
<p class="seen">${headline.seenAt === undefined ? 'No check has been made yet.' : `Last checked ${renderMoment(headline.seenAt)}.`}</p></div>
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
<h2 id="times">How quickly it answers</h2>
<div class="charts">${charts.join('\n') || '<p>Nothing has been measured yet.</p>'}</div>
${latencyTable(view.month)}
</section>
${incidentsSection(view.incidents, days)}
${worksSection(view.works, days)}
</main>
<footer>
<p>A program outside the site asks for it at short intervals, as a visitor would; this page is written from what it saw.
A look holds until the next one. What was not looked at is not known and counts neither as up nor as down; so do planned
maintenance and deploys. Slow answers count as up.</p>
<p>This page was made ${made}. It does not change by itself: load it again for what is newer.</p>
</footer>
</div>
</body>
</html>
`
}

/** Empty boxes alone would leave it open whether they were lost. */
function renderHistoryStart(parts: readonly Part[]): string {
  const first = parts.flatMap(({ days }) => days.find(({ kind }) => kind !== 'none')?.date ?? []).sort()[0]
  if (first === undefined || first === parts[0]?.days[0]?.date) return ''
  return `<p class="begins">The history begins on ${formatDayLabel(first)}.</p>\n`
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
    return `between ${formatMilliseconds(sorted[0]!)} and ${formatMilliseconds(sorted.at(-1)!)}, in the newest hour ${formatMilliseconds(values.at(-1)!)}`
  }
  const measured = known('p50').length > 0
  const limit = [from, to].map((at) => ({ at: new Date(at), value: limitMs }))
  const svg = await lineChart({
    id: `latency-${escapeHtml(id)}`,
    title: `${name}: how long answers took, hour by hour`,
    description: measured
      ? `The median lay ${range('p50')}. 95 % of the answers took at most: ${range('p95')}. Slower than ${formatMilliseconds(limitMs)} counts as slow.`
      : 'Nothing was measured.',
    lines: [
      { name: 'median', points: series('p50') },
      { name: '95 %', points: series('p95') },
      { name: 'limit', points: limit },
    ],
    from: new Date(from),
    to: new Date(to),
    format: formatMilliseconds,
    height: 200,
  })
  return `<figure class="card"><figcaption><h3>${escapeHtml(name)}</h3>
<small>${legendMark(0)} a usual answer (the median), ${legendMark(1)} a slow one (95 % are quicker), ${legendMark(2)} slow from ${formatMilliseconds(limitMs)} on</small></figcaption>${svg}</figure>`
}
