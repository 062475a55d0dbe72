import path from 'node:path'
import { spanSince } from '../azure/metrics.ts'
import type { CommonFlags, Run } from '../cli/defineScript.ts'
import { assertOutputFile, writeOutputFile } from '../cli/outputFile.ts'
import type { Context } from '../tasks/task.ts'
import { getExitCode } from '../util/concurrency.ts'
import { OpsError } from '../util/errors.ts'
import { showsUnicode } from '../util/format.ts'
import { parsePastTime } from '../util/time.ts'
import { formatMetrics, toMetricsJson } from './formatMetrics.ts'
import { readUsage } from './usage.ts'

export type MetricsFlags = CommonFlags & { since?: string; html?: string }

/** Parses the flags. Throws (exit 2) before any request when they are invalid. */
export function parseMetricsFlags({ since = '1h', html }: MetricsFlags) {
  const span = spanSince(parsePastTime(since))
  if (html !== undefined) assertOutputFile('--html', html)
  return { span, html }
}

/** Shows the usage of the containers; writes the chart page if requested. Returns the exit code. */
export async function showMetrics(
  run: Run<MetricsFlags>,
  context: Context,
  { span, html }: ReturnType<typeof parseMetricsFlags>,
): Promise<number> {
  const answers = await readUsage(context, span)
  let page: string | undefined
  if (html !== undefined) {
    const { renderMetricsPage } = await import('./page.ts')
    page = path.resolve(html)
    const { environment, domain } = context.config
    const title = environment === 'default' ? domain : `${domain} (${environment})`
    writeOutputFile('--html', page, await renderMetricsPage(answers, span, title))
    run.log(`Chart page: ${page}`)
  }
  const data = { ...toMetricsJson(answers, span), ...(page ? { html: page } : {}) }
  run.result(formatMetrics(answers, span, showsUnicode()), data)
  for (const { failure } of Object.values(answers)) {
    if (failure instanceof OpsError && failure.failure.next) run.log(`→ ${failure.failure.next}`)
  }
  return getExitCode(answers)
}
