import type { Figure } from '../../checks/probe.ts'
import { type Report, toExitCode } from '../report.ts'
import { collectFigures } from './plugin.ts'

interface Family {
  name: string
  help: string
  unit?: string
  samples: { labels: Readonly<Record<string, string>>; value: number }[]
}

/** Seconds, bytes and ratios, as OpenMetrics wants base units. */
const units: Readonly<Record<Figure['unit'], { unit: string; scale: number } | undefined>> = {
  ms: { unit: 'seconds', scale: 0.001 },
  s: { unit: 'seconds', scale: 1 },
  '%': { unit: 'ratio', scale: 0.01 },
  B: { unit: 'bytes', scale: 1 },
  c: undefined,
  '': undefined,
}

/**
 * The look as OpenMetrics text (https://github.com/prometheus/OpenMetrics, version 1.0), for a textfile collector. All are
 * gauges; the last line is `# EOF`.
 */
export function formatOpenMetrics(report: Report): string {
  const { observations, incident } = report
  const common = { domain: report.domain, environment: report.environment }
  const probe = ({ id, from }: Report['observations'][number]) => ({ ...common, probe: id, from })
  const one = (value: number) => [{ labels: common, value }]
  const families: Family[] = [
    {
      name: 'dominion_health_verdict',
      help: 'The look as a whole: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.',
      samples: one(report.exitCode),
    },
    {
      name: 'dominion_health_look_timestamp_seconds',
      help: 'When the look began.',
      unit: 'seconds',
      samples: one(Date.parse(report.at) / 1000),
    },
    {
      name: 'dominion_health_excluded',
      help: 'The look is kept out of the arithmetic: own network down, maintenance, deploy.',
      samples: one(report.excluded ? 1 : 0),
    },
    { name: 'dominion_incident_open', help: 'An incident is open.', samples: one(incident ? 1 : 0) },
    {
      name: 'dominion_incident_start_timestamp_seconds',
      help: 'When the open incident began.',
      unit: 'seconds',
      samples: incident ? one(Date.parse(incident.since) / 1000) : [],
    },
    {
      name: 'dominion_alerts_unsent',
      help: 'Alerts that could not be sent and wait for the next run.',
      samples: one(report.alerts.unsent.length),
    },
    {
      name: 'dominion_probe_verdict',
      help: 'One probe: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.',
      samples: observations.map((each) => ({ labels: probe(each), value: toExitCode(each.verdict) })),
    },
    {
      name: 'dominion_probe_duration_seconds',
      help: 'Until the whole answer was there.',
      unit: 'seconds',
      samples: observations.flatMap((each) =>
        each.ms === undefined ? [] : [{ labels: probe(each), value: each.ms / 1000 }],
      ),
    },
    {
      name: 'dominion_probe_phase_end_seconds',
      help: 'From the start of a request to the end of each phase.',
      unit: 'seconds',
      samples: observations.flatMap((each) =>
        Object.entries(each.phases ?? {}).map(([phase, ms]) => ({
          labels: { ...probe(each), phase },
          value: (ms as number) / 1000,
        })),
      ),
    },
    ...figureFamilies(report, probe),
  ]
  return [...families.filter(({ samples }) => samples.length > 0).flatMap(formatFamily), '# EOF'].join('\n')
}

function figureFamilies(
  { observations }: Report,
  labelsOf: (line: Report['observations'][number]) => Readonly<Record<string, string>>,
): Family[] {
  const families = new Map<string, Family>()
  for (const line of observations) {
    for (const { name: figure, value, unit } of collectFigures({ ...line, from: 'here' })) {
      // Its time has a family of its own.
      if (figure === line.id && unit === 'ms') continue
      const base = units[unit]
      const name = base ? `dominion_figure_${base.unit}` : 'dominion_figure'
      const family = families.get(name) ?? {
        name,
        help: `What a probe has measured, in ${base?.unit ?? 'plain numbers'}.`,
        ...(base ? { unit: base.unit } : {}),
        samples: [],
      }
      family.samples.push({ labels: { ...labelsOf(line), figure }, value: value * (base?.scale ?? 1) })
      families.set(name, family)
    }
  }
  return [...families.values()]
}

function formatFamily({ name, help, unit, samples }: Family): string[] {
  return [
    `# TYPE ${name} gauge`,
    ...(unit ? [`# UNIT ${name} ${unit}`] : []),
    `# HELP ${name} ${escapeText(help)}`,
    ...samples.map(({ labels, value }) => `${name}{${formatLabels(labels)}} ${formatNumber(value)}`),
  ]
}

const formatLabels = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeText(value)}"`)
    .join(',')

const escapeText = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')

/** Sums of binary fractions show no more digits than they are worth. */
const formatNumber = (value: number): string =>
  Number.isFinite(value) ? String(Number(value.toPrecision(12))) : 'NaN'
