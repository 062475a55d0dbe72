import type { Figure } from '../../checks/check.ts'
import { collectFigures, type ProbeReport, type Report, toExitCode } from '../report.ts'

type Labels = Readonly<Record<string, string>>

/** The unit, if any, is the last part of the name. */
interface Family {
  name: string
  help: string
  samples: { labels: Labels; value: number }[]
}

/** Seconds, bytes and ratios: OpenMetrics requires base units. */
const units: Readonly<Record<Figure['unit'], { unit: string; scale: number } | undefined>> = {
  ms: { unit: 'seconds', scale: 0.001 },
  s: { unit: 'seconds', scale: 1 },
  '%': { unit: 'ratio', scale: 0.01 },
  B: { unit: 'bytes', scale: 1 },
  c: undefined,
  '': undefined,
}

/** OpenMetrics 1.0 text (https://github.com/prometheus/OpenMetrics) for a textfile collector. All metrics are gauges. */
export function formatOpenMetrics(report: Report): string {
  const { observations, incident } = report
  const common = { domain: report.domain, environment: report.environment }
  const labels = ({ id, from }: ProbeReport) => ({ ...common, probe: id, from })
  const one = (value: number) => [{ labels: common, value }]
  const families: Family[] = [
    family(
      'health_verdict',
      'Overall verdict: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.',
      one(report.exitCode),
    ),
    family('health_look_timestamp_seconds', 'Start time of the check.', one(Date.parse(report.at) / 1000)),
    family(
      'health_excluded',
      '1 if the check is excluded from availability: own network down, maintenance or deploy.',
      one(report.excluded ? 1 : 0),
    ),
    family('incident_open', '1 if an incident is open.', one(incident ? 1 : 0)),
    family(
      'incident_start_timestamp_seconds',
      'Start time of the open incident.',
      incident ? one(Date.parse(incident.since) / 1000) : [],
    ),
    family(
      'alerts_unsent',
      'Alerts that could not be sent and are queued for the next run.',
      one(report.alerts.unsent.length),
    ),
    family(
      'probe_verdict',
      'Verdict of one probe: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.',
      observations.map((each) => ({ labels: labels(each), value: toExitCode(each.verdict) })),
    ),
    family(
      'probe_duration_seconds',
      'Time until the complete answer had arrived.',
      observations.flatMap((each) =>
        each.ms === undefined ? [] : [{ labels: labels(each), value: each.ms / 1000 }],
      ),
    ),
    family(
      'probe_phase_end_seconds',
      'Time from the start of a request to the end of each phase.',
      observations.flatMap((each) =>
        Object.entries(each.phases ?? {}).map(([phase, ms]) => ({
          labels: { ...labels(each), phase },
          value: (ms as number) / 1000,
        })),
      ),
    ),
    ...figureFamilies(observations, labels),
  ]
  return [...families.filter(({ samples }) => samples.length > 0).flatMap(formatFamily), '# EOF'].join('\n')
}

const family = (name: string, help: string, samples: Family['samples']): Family => ({
  name: `dominion_${name}`,
  help,
  samples,
})

function figureFamilies(
  observations: readonly ProbeReport[],
  labels: (probe: ProbeReport) => Labels,
): Family[] {
  const figures = observations.flatMap((probe) =>
    collectFigures({ ...probe, from: 'here' })
      // The duration has its own family.
      .filter(({ name, unit }) => name !== probe.id || unit !== 'ms')
      .map(({ name, value, unit }) => ({
        labels: { ...labels(probe), figure: name },
        value,
        base: units[unit],
      })),
  )
  return [...Map.groupBy(figures, ({ base }) => base?.unit)].map(([unit, samples]) => ({
    name: unit ? `dominion_figure_${unit}` : 'dominion_figure',
    help: `Figure measured by a probe, in ${unit ?? 'plain numbers'}.`,
    samples: samples.map(({ base, value, ...rest }) => ({ ...rest, value: value * (base?.scale ?? 1) })),
  }))
}

function formatFamily({ name, help, samples }: Family): string[] {
  const unit = /_(seconds|ratio|bytes)$/.exec(name)?.[1]
  return [
    `# TYPE ${name} gauge`,
    ...(unit ? [`# UNIT ${name} ${unit}`] : []),
    `# HELP ${name} ${escapeText(help)}`,
    ...samples.map(({ labels, value }) => `${name}{${formatLabels(labels)}} ${formatNumber(value)}`),
  ]
}

const formatLabels = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeText(value)}"`)
    .join(',')

const escapeText = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')

/** Limits the digits of sums of binary fractions. */
const formatNumber = (value: number): string =>
  Number.isFinite(value) ? String(Number(value.toPrecision(12))) : 'NaN'
