import { escapeHtml } from './escape.ts'

export interface ChartPoint {
  at: Date
  /** null means unknown: the line has a gap. */
  value: number | null
  /** A band around the line, such as minimum to maximum. */
  low?: number | null
  high?: number | null
}

interface LineChart {
  id: string
  title: string
  /** A text alternative for readers who cannot see the chart. */
  description: string
  /** The points of each line, in the order of their colours. */
  lines: readonly (readonly ChartPoint[])[]
  from: Date
  to: Date
  /** Formats a figure with its unit for the axis. */
  format: (value: number) => string
  /** Base of the unit prefixes, for round tick values. Default: 1000. */
  base?: 1000 | 1024
  /** In pixels at a width of 380, where the text has its intended size; the chart scales with its column. */
  height?: number
}

/** Solid, dashed and dotted, so that lines differ without colour. */
const dashes = ['', '5 3', '2 2']

/** Draws lines over time as one static SVG. Its colours are the page's: `currentColor`, and `pageStyle`'s properties. */
export async function lineChart(chart: LineChart): Promise<string> {
  const [{ parseHTML }, Plot] = await Promise.all([import('linkedom'), import('@observablehq/plot')])
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const greatest = Math.max(0, ...chart.lines.flat().flatMap(({ value, high }) => [value ?? 0, high ?? 0]))
  const ticks = roundTicks(greatest, chart.base ?? 1000)
  const domain = [0, ticks.at(-1)!]
  const svg = Plot.plot({
    document,
    width: 380,
    height: chart.height ?? 190,
    marginLeft: 62,
    marginRight: 20,
    style: { fontSize: '12px', background: 'none', color: 'currentColor' },
    x: { type: 'utc', domain: [chart.from, chart.to], ticks: 4, tickFormat: timeLabels(chart), label: null },
    y: { domain, ticks, tickFormat: chart.format, label: null, grid: true, tickSize: 0 },
    marks: [
      ...chart.lines.flatMap((points, index) => {
        const stroke = `var(--line-${index + 1})`
        const rows = points.map(({ at, value, low, high }) => ({
          at,
          value: value ?? Number.NaN,
          low: low ?? Number.NaN,
          high: high ?? Number.NaN,
        }))
        const dash = dashes[index % dashes.length]
        const dashing = dash ? { strokeDasharray: dash } : {}
        return [
          ...(points.some(({ high }) => typeof high === 'number')
            ? [Plot.areaY(rows, { x: 'at', y1: 'low', y2: 'high', fill: stroke, fillOpacity: 0.18 })]
            : []),
          Plot.lineY(rows, { x: 'at', y: 'value', stroke, strokeWidth: 1.75, ...dashing }),
          // A line needs two points; a single point between gaps is drawn as a dot.
          Plot.dot(alone(rows), { x: 'at', y: 'value', fill: stroke, r: 2 }),
        ]
      }),
      Plot.ruleY([0]),
    ],
  })
  const [title, description] = [`${chart.id}-title`, `${chart.id}-description`]
  svg.setAttribute('role', 'img')
  svg.setAttribute('aria-labelledby', `${title} ${description}`)
  svg.removeAttribute('aria-label')
  const inside =
    `<title id="${escapeHtml(title)}">${escapeHtml(chart.title)}</title>` +
    `<desc id="${escapeHtml(description)}">${escapeHtml(chart.description)}</desc>`
  return svg.outerHTML.replace(/^(<svg[^>]*>)/, `$1${inside.replaceAll('$', '$$$$')}`)
}

/** The sample before a name in a legend, with the same colour and dash pattern. */
export const legendMark = (index: number): string =>
  `<svg class="mark" width="24" height="8" aria-hidden="true"><path d="M0,4H24" stroke="var(--line-${index + 1})" stroke-width="2"` +
  `${dashes[index % dashes.length] ? ` stroke-dasharray="${dashes[index % dashes.length]}"` : ''}/></svg>`

/** UTC, 24 hours, with the date (`9 Nov`) below the first tick and at midnight; for more than four days, dates only. */
function timeLabels({ from, to }: LineChart): (at: Date, index: number) => string {
  const date = (at: Date) => at.toUTCString().slice(5, 11).replace(/^0/, '')
  if (to.getTime() - from.getTime() > 4 * 86_400_000) return date
  return (at, index) => {
    const time = at.toISOString().slice(11, 16)
    return index === 0 || time === '00:00' ? `${time}\n${date(at)}` : time
  }
}

const alone = <Row extends { value: number }>(rows: readonly Row[]): Row[] =>
  rows.filter(({ value }, index) => {
    const known = (neighbour: Row | undefined): boolean =>
      neighbour !== undefined && !Number.isNaN(neighbour.value)
    return !Number.isNaN(value) && !known(rows[index - 1]) && !known(rows[index + 1])
  })

/** Ticks from 0 to at least `greatest` in three to five steps of 1, 2, 2.5 or 5 times a power of ten of the unit. */
export function roundTicks(greatest: number, base: 1000 | 1024): number[] {
  if (greatest <= 0) return [0, 1]
  const unit = base ** Math.max(0, Math.floor(Math.log(greatest) / Math.log(base)))
  const rough = greatest / unit / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 2.5, 5, 10].find((each) => each * power >= rough)! * power * unit
  const count = Math.ceil(greatest / step - 1e-9)
  return Array.from({ length: count + 1 }, (_, index) => index * step)
}
