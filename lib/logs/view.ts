import { openArm } from '../azure/arm.ts'
import type { VpsContext } from '../tasks/task.ts'
import { getExitCode, type Settled } from '../util/concurrency.ts'
import { getMessage, OpsError } from '../util/errors.ts'
import { formatDuration } from '../util/format.ts'
import { createTail } from './buffers.ts'
import { containerSources } from './containers.ts'
import { merge } from './merge.ts'
import { nginxSources } from './nginx.ts'
import type { SourceOptions, View } from './options.ts'
import { documentOutput, jsonLinesOutput, type Output, type SourceReport, textOutput } from './output.ts'

/** How long a source may be silent before the others continue without it, in milliseconds. */
const patienceMs = 10_000

/**
 * Shows the logs merged by time. A source that fails or is late is reported; the others are shown. Returns
 * the exit code: 0 when all of them answered.
 */
export async function viewLogs(
  context: VpsContext,
  view: View,
  { json, stopping, log }: { json: boolean; stopping: AbortSignal; log(line: string): void },
): Promise<number> {
  const jsonOutput = view.follow ? jsonLinesOutput : documentOutput
  const output = (json ? jsonOutput : textOutput)(process.stdout, context.runner.secrets.clean)
  const reports = new Map<string, SourceReport>()
  const answers: Record<string, Settled<void>> = {}
  const getReport = (source: string): SourceReport => {
    const report = reports.get(source) ?? { source, lines: 0 }
    reports.set(source, report)
    return report
  }
  const reported = new Map<string, string>()
  const fail = (source: string, error: Error) => {
    const failure = error instanceof OpsError ? error.failure : { what: getMessage(error) }
    answers[source] = { failure: error }
    getReport(source).error = { what: failure.what, said: failure.said, next: failure.next }
    const parts = [failure.what, failure.said?.trim(), failure.next && `→ ${failure.next}`]
    const message = parts.filter(Boolean).join('\n  ')
    const before = reported.get(message)
    log(`! ${source}: ${before ? `same as ${before}` : message}`)
    reported.set(message, source)
  }
  const patience = formatDuration(patienceMs)
  const lines = merge(createSources(context, view, log), {
    signal: AbortSignal.any([stopping, output.closed]),
    patienceMs,
    onOpen: ({ id }) => void (id.includes(',') || getReport(id)),
    onLate: ({ id }) =>
      log(`! ${id}: no lines for ${patience}; the others continue, and its lines follow when they arrive`),
    onFailure: ({ id }, error) => fail(id, error),
  })
  await show(lines, view, output, json, ({ source }) => void getReport(source).lines++)
  const all = [...reports.values()]
  // Empty output could be mistaken for a fault.
  if (!json && !view.follow && all.some(({ error }) => !error) && all.every(({ lines }) => lines === 0))
    log(view.grep ? `no line matches ${view.grep.source}` : 'no lines in this period')
  await output.end(all)
  return getExitCode(answers)
}

function createSources(context: VpsContext, view: View, log: (line: string) => void) {
  const wanted: SourceOptions = {
    only: view.only,
    follow: view.follow,
    since: view.since?.getTime(),
    // Matching happens here, so the last matches may be far back.
    tail: view.grep ? undefined : view.lines,
    warn: (source, message) => log(`! ${source}: ${message}`),
  }
  return [
    ...containerSources(context.config, (signal) => openArm(context, signal), wanted),
    ...nginxSources(context, wanted),
  ]
}

async function show(
  batches: ReturnType<typeof merge>,
  { grep, lines: count, follow }: View,
  output: Output,
  isDocument: boolean,
  onShown: (line: { source: string }) => void,
): Promise<void> {
  const last = createTail(count, async (lines) => {
    lines.forEach(onShown)
    await output.lines(lines)
  })
  for await (const batch of batches) {
    if (batch.length > 0) await last.take(grep ? batch.filter(({ text }) => grep.test(text)) : batch)
    else if (follow) await last.open()
    // Only a single document waits for late sources.
    else if (!isDocument) await last.flush()
  }
  await last.flush()
}
