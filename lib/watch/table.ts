import { tableText } from '../cli/table.ts'
import { detailOf } from '../command/verdict.ts'
import type { Line, Report } from './report.ts'
import { summary } from './report.ts'

const right = (heading: string) => ({ heading, align: 'right' as const })

/** For a terminal: a row a probe with the milliseconds of each phase, what to do, and the line in words. */
export function tableReport(report: Report): string {
  const { observations, incident } = report
  const both = observations.some(({ from }) => from === 'vps')
  const columns = [
    { heading: 'STATE' },
    { heading: 'PROBE' },
    ...(both ? [{ heading: 'FROM' }] : []),
    ...['DNS', 'TCP', 'TLS', 'WAIT', 'REST', 'MS'].map(right),
    { heading: 'DETAIL' },
  ]
  const rows = observations.map((line, index) => [
    line.planned ? 'planned' : line.verdict,
    line.id,
    ...(both ? [line.from] : []),
    ...phaseCells(line),
    line.ms === undefined ? '' : line.ms.toFixed(0),
    detailOf(line, observations.slice(0, index)) + (line.progress ? ` (${line.progress})` : ''),
  ])
  const wrong = observations.filter(({ verdict, planned }) => verdict !== 'OK' && !planned)
  const advice = new Map(wrong.flatMap(({ id, next }) => (next ? [[next, id] as const] : [])))
  return [
    tableText(columns, rows),
    '',
    ...[...advice].map(([next, id]) => `→ ${id}: ${next}`),
    ...(incident ? [`Incident ${incident.id} since ${incident.since}: ${incident.targets.join(', ')}`] : []),
    summary(report),
  ].join('\n')
}

/** How long each phase took itself: the values tell when it ended. */
function phaseCells({ phases }: Line): string[] {
  if (!phases) return ['', '', '', '', '']
  const { dns, connect, tls, firstByte, total } = phases
  let before = 0
  return [dns, connect, tls, firstByte, total].map((end) => {
    if (end === undefined) return ''
    const took = end - before
    before = end
    return Math.max(0, took).toFixed(0)
  })
}
