import { adviceOn } from '../checks/advice.ts'
import type { Context } from '../tasks/context.ts'
import type { Verdict } from '../util/status.ts'
import { getVerdict, incidentName } from './alerts/message.ts'
import type { Judged } from './evaluate.ts'
import { pluginLine } from './format/plugin.ts'
import { type ConfirmState, type News, progress, type Rules } from './incidentState.ts'
import type { Format } from './options.ts'
import { type Line, type Report, toExitCode } from './report.ts'

interface About {
  rules: Rules
  quick: boolean
  state: ConfirmState
  trouble: readonly string[]
  news?: News | undefined
  alerts?: Report['alerts']
  /** Instead of the look's own. */
  verdict?: Verdict
}

/** Everything a run has to say, whatever the format. */
export function buildReport({ config, runner }: Context, judged: Judged, about: About): Report {
  const { state, rules, news } = about
  const verdict = about.verdict ?? judged.verdict
  const report: Omit<Report, 'line'> = {
    ok: verdict === 'OK',
    verdict,
    exitCode: toExitCode(verdict),
    at: new Date(judged.at).toISOString(),
    domain: config.domain,
    environment: config.environment,
    quick: about.quick,
    ...(judged.explained ? { explained: judged.explained } : {}),
    ...(judged.excluded ? { excluded: judged.excluded } : {}),
    observations: judged.observations.map((each) => {
      const counts = judged.entry.seen && each.from === 'here' && each.seen.verdict !== 'UNKNOWN'
      const far = counts && !each.planned ? progress(state.rows[each.seen.probe.id], rules) : undefined
      return lineOf(each, far)
    }),
    ...(state.open ? { incident: incidentOf(state.open) } : {}),
    ...(news ? { news: news.kind } : {}),
    ...(news?.kind === 'recovery' ? { ended: endedOf(news) } : {}),
    alerts: about.alerts ?? { sent: [], unsent: [] },
    trouble: about.trouble.map(runner.secrets.clean),
  }
  return { ...report, line: runner.secrets.clean(pluginLine(report)) }
}

/** With what went wrong after its line was pinged: that line cannot tell of it, the one that is printed does. */
export function withTrouble({ runner }: Context, report: Report, more: readonly string[]): Report {
  const told = { ...report, trouble: [...report.trouble, ...more.map(runner.secrets.clean)] }
  return { ...told, line: runner.secrets.clean(pluginLine(told)) }
}

function lineOf({ from, seen, planned }: Judged['observations'][number], far: string | undefined): Line {
  const { probe, verdict, detail, ms, phases, took, figures = [] } = seen
  const next = adviceOn(seen)
  return {
    id: probe.id,
    title: probe.title,
    from,
    verdict,
    detail,
    ...(next ? { next } : {}),
    visible: probe.visible,
    ...(ms === undefined ? {} : { ms }),
    took,
    ...(phases ? { phases } : {}),
    figures,
    ...(far ? { progress: far } : {}),
    ...(planned ? { planned: true } : {}),
  }
}

const incidentOf = ({
  start,
  rank,
  targets,
}: NonNullable<ConfirmState['open']>): NonNullable<Report['incident']> => ({
  id: incidentName(start),
  since: new Date(start).toISOString(),
  verdict: getVerdict(rank),
  visible: rank === 3,
  targets,
})

const endedOf = ({ incident: { start, targets }, end }: News): NonNullable<Report['ended']> => ({
  id: incidentName(start),
  since: new Date(start).toISOString(),
  until: new Date(end!).toISOString(),
  targets,
})

/** What a run says with --quiet, too: the incident changed, an alert failed for the first time, the check is in trouble. */
export const isNews = ({ news, alerts, trouble }: Report): boolean =>
  news !== undefined || alerts.unsent.some(({ tries }) => tries === 1) || trouble.length > 0

export async function formatted(format: Format, report: Report): Promise<string> {
  if (format === 'table') return (await import('./format/table.ts')).tableReport(report)
  if (format === 'openmetrics') return (await import('./format/openMetrics.ts')).openMetrics(report)
  return report.line
}
