import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../config/config.ts'
import type { OpenContext } from '../deploy/context.ts'
import { getMessage } from '../util/errors.ts'
import type { Channel } from './alerts/alert.ts'
import { buildReport } from './buildReport.ts'
import type { Evaluation } from './evaluate.ts'
import type { IncidentEvent, IncidentRules, IncidentState } from './incidentState.ts'
import {
  formatNotRecorded,
  type HistoryHandle,
  type Recorded,
  readIncidentFile,
  recordRun,
  writeIncidentFile,
} from './record.ts'
import type { Report } from './report.ts'
import type { History } from './store/store.ts'

/**
 * Records the run and its consequences, sends the queued alerts, and returns the report. When nothing can be recorded
 * the run is still reported, at least as a WARNING, because a fault would raise no alert.
 */
export async function persist(
  context: OpenContext,
  { history, trouble }: HistoryHandle,
  evaluation: Evaluation,
  about: { rules: IncidentRules; channels: readonly Channel[]; quick: boolean; trouble: readonly string[] },
): Promise<Report> {
  const { config } = context
  const problems = [...about.trouble, ...trouble]
  const createReport = (
    state: IncidentState,
    more: Partial<Pick<Report, 'alerts' | 'verdict'>> & { news?: IncidentEvent | undefined } = {},
  ) => buildReport(context, evaluation, { ...about, state, trouble: problems, ...more })
  const reportUnrecorded = () =>
    createReport(readIncidentFile(config) ?? { rows: {} }, { verdict: atLeastWarning(evaluation) })
  if (!history) return reportUnrecorded()
  let recorded: Recorded
  let recordedLine = ''
  try {
    recorded = recordRun(history, evaluation.entry, {
      config,
      rules: about.rules,
      channels: about.channels.map(({ name }) => name),
      lastRun({ state, news }) {
        const report = createReport(state, toNews(news))
        recordedLine = report.line
        return report
      },
    })
  } catch (thrown) {
    problems.push(...formatQuarantined(history), formatNotRecorded(thrown))
    const report = reportUnrecorded()
    history.markDamageReported()
    return report
  }
  problems.push(...formatQuarantined(history))
  updateIncidentFile(config, recorded.state, problems)
  const alerts = await sendOutbox(context, history, about.channels, problems)
  const report = createReport(recorded.state, { ...toNews(recorded.news), alerts })
  if (report.line !== recordedLine) updateLastRun(history, report)
  history.markDamageReported()
  return report
}

const toNews = (news: IncidentEvent | undefined) => (news && !news.silent ? { news } : {})

const formatQuarantined = ({ damaged }: History): string[] =>
  damaged.map((name) => `the history was damaged and moved to ${name}; a new one was started`)

const atLeastWarning = ({ verdict }: Evaluation) => (verdict === 'OK' ? 'WARNING' : verdict)

/** Writes the incident file only when the open incident differs: an earlier run may have been killed before it did. */
function updateIncidentFile(config: Config, state: IncidentState, problems: string[]): void {
  if (isDeepStrictEqual(readIncidentFile(config)?.open, state.open)) return
  try {
    writeIncidentFile(config, state)
  } catch (thrown) {
    problems.push(`the open incident could not be saved next to the history: ${getMessage(thrown)}`)
  }
}

async function sendOutbox(
  context: OpenContext,
  history: History,
  channels: readonly Channel[],
  problems: string[],
): Promise<Report['alerts']> {
  const none = { sent: [], unsent: [] }
  try {
    if (history.outbox().length === 0) return none
    const { deliver } = await import('./alerts/outbox.ts')
    const { trouble, ...alerts } = await deliver(context, history, channels)
    problems.push(...trouble)
    return alerts
  } catch (thrown) {
    problems.push(`the queue of alerts could not be updated: ${getMessage(thrown)}`)
    return none
  }
}

function updateLastRun(history: History, { at, exitCode, line }: Report): void {
  try {
    history.setLastRun({ at: Date.parse(at), exitCode, line })
  } catch {
    // The line recorded with the run remains; only the outcome of its alerts is missing.
  }
}
