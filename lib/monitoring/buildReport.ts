import { getAdvice } from '../checks/check.ts'
import type { Context } from '../tasks/task.ts'
import type { Verdict } from '../util/verdict.ts'
import { getIncidentId, getVerdict } from './alerts/alert.ts'
import type { Evaluation } from './evaluate.ts'
import {
  formatProgress,
  type IncidentEvent,
  type IncidentRules,
  type IncidentState,
  type OpenIncident,
} from './incidentState.ts'
import type { Format } from './options.ts'
import { formatPluginLine, type ProbeReport, type Report, toExitCode } from './report.ts'

interface About {
  rules: IncidentRules
  quick: boolean
  state: IncidentState
  trouble: readonly string[]
  news?: IncidentEvent | undefined
  alerts?: Report['alerts']
  verdict?: Verdict
}

export function buildReport({ config, runner }: Context, evaluation: Evaluation, about: About): Report {
  const { state, rules, news } = about
  const verdict = about.verdict ?? evaluation.verdict
  const report: Omit<Report, 'line'> = {
    ok: verdict === 'OK',
    verdict,
    exitCode: toExitCode(verdict),
    at: new Date(evaluation.at).toISOString(),
    domain: config.domain,
    environment: config.environment,
    quick: about.quick,
    ...(evaluation.explained ? { explained: evaluation.explained } : {}),
    ...(evaluation.excluded ? { excluded: evaluation.excluded } : {}),
    observations: evaluation.observations.map((each) => {
      const counts = evaluation.entry.seen && each.from === 'here' && each.seen.verdict !== 'UNKNOWN'
      const progress = counts && !each.planned && formatProgress(state.rows[each.seen.probe.id], rules)
      return toProbeReport(each, progress || undefined)
    }),
    ...(state.open ? { incident: toReportedIncident(state.open) } : {}),
    ...(news ? { news: news.kind } : {}),
    ...(news?.kind === 'recovery' ? { ended: toEndedIncident(news.incident, news.end!) } : {}),
    alerts: about.alerts ?? { sent: [], unsent: [] },
    trouble: about.trouble.map(runner.secrets.clean),
  }
  return { ...report, line: runner.secrets.clean(formatPluginLine(report)) }
}

/** Adds problems that occurred after the line was sent with the ping; the printed line includes them. */
export function addTrouble({ runner }: Context, report: Report, more: readonly string[]): Report {
  const extended = { ...report, trouble: [...report.trouble, ...more.map(runner.secrets.clean)] }
  return { ...extended, line: runner.secrets.clean(formatPluginLine(extended)) }
}

function toProbeReport(
  { from, seen, planned }: Evaluation['observations'][number],
  progress?: string,
): ProbeReport {
  const { probe, verdict, detail, ms, phases, took, figures = [] } = seen
  const next = getAdvice(probe, seen)
  return {
    id: probe.id,
    title: probe.title,
    from,
    verdict,
    detail,
    ...(next ? { next } : {}),
    visible: probe.publicName !== undefined,
    ...(ms === undefined ? {} : { ms }),
    took,
    ...(phases ? { phases } : {}),
    figures,
    ...(progress ? { progress } : {}),
    ...(planned ? { planned: true } : {}),
  }
}

const toReportedIncident = ({ start, rank, targets }: OpenIncident): NonNullable<Report['incident']> => ({
  id: getIncidentId(start),
  since: new Date(start).toISOString(),
  verdict: getVerdict(rank),
  visible: rank === 3,
  targets,
})

const toEndedIncident = ({ start, targets }: OpenIncident, end: number): NonNullable<Report['ended']> => ({
  id: getIncidentId(start),
  since: new Date(start).toISOString(),
  until: new Date(end).toISOString(),
  targets,
})

/**
 * True when even --quiet prints it: a changed incident, the first failure of an alert, or a problem with the check
 * itself.
 */
export const isNoteworthy = ({ news, alerts, trouble }: Report): boolean =>
  news !== undefined || alerts.unsent.some(({ tries }) => tries === 1) || trouble.length > 0

export async function formatReport(format: Format, report: Report): Promise<string> {
  if (format === 'table') return (await import('./format/table.ts')).formatReportTable(report)
  if (format === 'openmetrics') return (await import('./format/openMetrics.ts')).formatOpenMetrics(report)
  return report.line
}
