import { colours } from '../../util/colours.ts'
import { formatList } from '../../util/format.ts'
import type { Verdict } from '../../util/status.ts'
import { formatTable } from '../../util/table.ts'
import type { ProbeReport, Report } from '../report.ts'
import { formatSummary } from '../report.ts'

const right = (heading: string) => ({ heading, align: 'right' as const })

/** For a terminal: one row per probe with the milliseconds of each phase, then advice, incident and summary. */
export function formatReportTable(report: Report): string {
  const { observations } = report
  const both = observations.some(({ from }) => from === 'vps')
  const columns = [
    { heading: 'STATE' },
    { heading: 'PROBE' },
    ...(both ? [{ heading: 'FROM' }] : []),
    ...['DNS', 'TCP', 'TLS', 'WAIT', 'REST', 'MS'].map(right),
    { heading: 'DETAIL' },
  ]
  const paint = createPainter()
  const rows = observations.map((line, index) => [
    line.planned ? 'planned' : paint(line.verdict, line.verdict),
    line.id,
    ...(both ? [line.from] : []),
    ...phaseCells(line),
    line.ms === undefined ? '' : line.ms.toFixed(0),
    formatDetail(line, observations.slice(0, index)) + formatProgressNote(line),
  ])
  const words = formatSummary(report)
  return [
    formatTable(columns, rows),
    '',
    ...adviceLines(observations),
    ...incidentLines(report),
    paint(report.verdict, report.verdict) + words.slice(report.verdict.length),
  ].join('\n')
}

/** Colours the text; chalk does so on terminals only. */
function createPainter(): (verdict: Verdict, text: string) => string {
  const chalk = colours()
  const by = { OK: chalk.green, WARNING: chalk.yellow, CRITICAL: chalk.red, UNKNOWN: chalk.magenta }
  return (verdict, text) => by[verdict](text)
}

/** A long reason that several probes share is printed once; a short one is repeated. */
function formatDetail({ verdict, detail }: ProbeReport, earlier: readonly ProbeReport[]): string {
  const same = earlier.find((each) => verdict !== 'OK' && each.detail === detail)
  const words = same && `same as ${same.id}`
  return words && detail.length > 60 ? words : detail
}

const formatProgressNote = ({ verdict, progress }: ProbeReport): string =>
  progress ? ` (${verdict === 'OK' ? 'recovering ' : ''}${progress})` : ''

function adviceLines(observations: readonly ProbeReport[]): string[] {
  const advised = observations.filter(({ verdict, planned, next }) => verdict !== 'OK' && !planned && next)
  const groups = Map.groupBy(advised, ({ next }) => next)
  return [...groups].map(([next, lines]) => {
    const ids = [...new Set(lines.map(({ id }) => id))]
    return `→ ${formatList(ids, 2)}: ${next}`
  })
}

/** The incident and its targets by state, so that a past one does not look as if it continued. */
function incidentLines({ incident, observations }: Report): string[] {
  if (!incident) return []
  const here = observations.filter(({ from }) => from === 'here')
  const seen = new Map(here.map((line) => [line.id, line]))
  const extra = here.filter(({ id, progress }) => progress && !incident.targets.includes(id))
  const groups: Record<string, string[]> = {}
  for (const id of [...incident.targets, ...extra.map((line) => line.id)]) {
    const line = seen.get(id)
    const group = getGroup(line)
    groups[group] = [...(groups[group] ?? []), line?.progress ? `${id} (${line.progress})` : id]
  }
  const since = `${incident.since.slice(0, 19).replace('T', ' ')} UTC`
  return [
    `Incident ${incident.id}, ${incident.verdict}, since ${since}`,
    ...['still failing', 'recovering', 'recovered', 'currently unknown'].flatMap((group) =>
      groups[group] ? [`  ${group}: ${formatList(groups[group], 20)}`] : [],
    ),
  ]
}

function getGroup(line: ProbeReport | undefined): string {
  if (!line || line.verdict === 'UNKNOWN' || line.planned) return 'currently unknown'
  if (line.verdict !== 'OK') return 'still failing'
  return line.progress ? 'recovering' : 'recovered'
}

/** The duration of each phase; the report holds the time at which each one ended. */
function phaseCells({ phases }: ProbeReport): string[] {
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
