import { colours } from '../../util/colours.ts'
import { formatList, formatTable } from '../../util/format.ts'
import { formatUtc } from '../../util/time.ts'
import type { Verdict } from '../../util/verdict.ts'
import { formatSummary, type ProbeReport, type Report } from '../report.ts'

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
  const { green, yellow, red, magenta } = colours()
  const paint = (verdict: Verdict) =>
    ({ OK: green, WARNING: yellow, CRITICAL: red, UNKNOWN: magenta })[verdict](verdict)
  const rows = observations.map((line, index) => [
    line.planned ? 'planned' : paint(line.verdict),
    line.id,
    ...(both ? [line.from] : []),
    ...phaseCells(line),
    line.ms === undefined ? '' : line.ms.toFixed(0),
    formatDetail(line, observations.slice(0, index)) + formatProgressNote(line),
  ])
  return [
    formatTable(columns, rows),
    '',
    ...adviceLines(observations),
    ...incidentLines(report),
    paint(report.verdict) + formatSummary(report).slice(report.verdict.length),
  ].join('\n')
}

/** A long reason that several probes share is printed once; a short one is repeated. */
function formatDetail({ verdict, detail }: ProbeReport, earlier: readonly ProbeReport[]): string {
  const same = earlier.find((each) => verdict !== 'OK' && each.detail === detail)
  return same && detail.length > 60 ? `same as ${same.id}` : detail
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
  const extra = here.filter(({ id, progress }) => progress && !incident.targets.includes(id))
  const targets = [...incident.targets, ...extra.map(({ id }) => id)].map((id) => {
    const probe = here.findLast((each) => each.id === id)
    return { group: getGroup(probe), name: probe?.progress ? `${id} (${probe.progress})` : id }
  })
  return [
    `Incident ${incident.id}, ${incident.verdict}, since ${formatUtc(incident.since, true)} UTC`,
    ...['still failing', 'recovering', 'recovered', 'currently unknown'].flatMap((group) => {
      const names = targets.filter((each) => each.group === group).map(({ name }) => name)
      return names.length > 0 ? [`  ${group}: ${formatList(names, 20)}`] : []
    }),
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
