import { parseHTML } from 'linkedom'
import { expect, test } from 'vitest'
import { type ChartPoint, lineChart, roundTicks } from '../../../lib/html/lineChart.ts'

const from = new Date('2026-11-23T12:00:00Z')
const to = new Date('2026-11-23T13:00:00Z')
const points = (values: (number | null)[]): ChartPoint[] =>
  values.map((value, index) => ({ at: new Date(from.getTime() + index * 600_000), value }))

async function drawn(lines: ChartPoint[][], title = 'Latency <p95>') {
  const svg = await lineChart({
    id: 'latency',
    title,
    description: 'From 1 & up, $& and all',
    lines,
    from,
    to,
    format: (value) => `${value} ms`,
  })
  const { document } = parseHTML(`<!doctype html><html><body>${svg}</body></html>`)
  return { svg, root: document.querySelector('svg')! }
}
interface Queried {
  querySelectorAll(query: string): Iterable<{ getAttribute(name: string): string | null }>
}
/** The number of separate strokes of each line. */
const strokes = (root: Queried): number[] =>
  [...root.querySelectorAll('g[aria-label="line"] path')].map(
    (path) => path.getAttribute('d')!.match(/M/g)!.length,
  )

test('an unknown value interrupts the line; a single value between two gaps is a dot', async () => {
  const { root } = await drawn([points([1, 2, null, 3, null, 4, 5])])
  expect(strokes(root)).toEqual([3])
  expect(root.querySelectorAll('g[aria-label="dot"] circle')).toHaveLength(1)
})

test('without known values there are axes, no line and no NaN', async () => {
  const { svg, root } = await drawn([points([null, null])])
  expect(root.querySelectorAll('g[aria-label="line"] path')).toHaveLength(0)
  expect(svg).not.toContain('NaN')
  expect(root.textContent).toContain('0 ms')
})

test('has a role, a title and a description for screen readers; hostile text is escaped', async () => {
  const { root } = await drawn([points([1, 2])], '</title><script>x</script>')
  expect(root.getAttribute('role')).toBe('img')
  expect(root.getAttribute('aria-labelledby')).toBe('latency-title latency-description')
  expect(root.querySelector('#latency-title')?.textContent).toBe('</title><script>x</script>')
  expect(root.querySelector('#latency-description')?.textContent).toBe('From 1 & up, $& and all')
  expect(root.querySelector('script')).toBeNull()
})

test('is static: no script, no address except the SVG namespace, colours from the page', async () => {
  const { svg } = await drawn([points([1, 2]), points([2, 1])])
  expect(svg.match(/https?:[^"]*/g) ?? []).toEqual([])
  expect(svg).toContain('stroke="var(--line-1)"')
  expect(svg).toMatch(
    /stroke="var\(--line-2\)"[^>]*stroke-dasharray="5 3"|stroke-dasharray="5 3"[^>]*stroke="var\(--line-2\)"/,
  )
})

test('ticks are round in the displayed unit', () => {
  expect(roundTicks(0, 1000)).toEqual([0, 1])
  expect(roundTicks(7, 1000)).toEqual([0, 2, 4, 6, 8])
  expect(roundTicks(1900, 1000)).toEqual([0, 500, 1000, 1500, 2000])
  expect(roundTicks(700 * 1024 ** 2, 1024).map((tick) => tick / 1024 ** 2)).toEqual([0, 200, 400, 600, 800])
  expect(roundTicks(0.003, 1000).at(-1)).toBeGreaterThanOrEqual(0.003)
})
