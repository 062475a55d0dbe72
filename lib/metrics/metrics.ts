import { renameSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { spanSince } from '../azure/metrics.ts'
import type { CommonFlags, Run } from '../cli/script.ts'
import { momentSince } from '../cli/since.ts'
import { showsUnicode } from '../cli/sparkline.ts'
import { messageOf, OpsError, usageError } from '../command/errors.ts'
import { exitCodeOf } from '../command/gather.ts'
import type { Context } from '../steps/context.ts'
import { metricsData, metricsText } from './report.ts'
import { readUsage } from './usage.ts'

export interface MetricsFlags extends CommonFlags {
  since?: string
  /** Where to write the chart page. */
  html?: string
}

/** Throws (exit 2) before anything is asked when the flags cannot be followed. */
export function readMetricsFlags({ since = '1h', html }: MetricsFlags) {
  const span = spanSince(momentSince(since))
  if (html !== undefined) checkTarget(html)
  return { span, html }
}

/** Shows what the containers used; writes the chart page when asked to. Gives the exit code. */
export async function showMetrics(
  run: Run<MetricsFlags>,
  context: Context,
  { span, html }: ReturnType<typeof readMetricsFlags>,
): Promise<number> {
  const answers = await readUsage(context, span)
  let page: string | undefined
  if (html !== undefined) {
    const { metricsPage } = await import('./page.ts')
    page = path.resolve(html)
    const { environment, domain } = context.config
    const text = await metricsPage(
      answers,
      span,
      environment === 'default' ? domain : `${domain} (${environment})`,
    )
    writeWhole(page, text)
    run.story(`Chart page: ${page}`)
  }
  const data = { ...metricsData(answers, span), ...(page ? { html: page } : {}) }
  run.result(metricsText(answers, span, showsUnicode()), data)
  for (const { failure } of Object.values(answers)) {
    if (failure instanceof OpsError && failure.failure.next) run.story(`→ ${failure.failure.next}`)
  }
  return exitCodeOf(answers)
}

function checkTarget(file: string): void {
  const folder = path.dirname(path.resolve(file))
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw usageError(`--html=${file}: there is no folder ${folder}`, 'Give a file in a folder that exists.')
  }
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
    throw usageError(`--html=${file} is a folder`, 'Give the name of a file, such as metrics.html.')
  }
}

/** A reader of the page sees the old one or the new one, never half of it. */
function writeWhole(file: string, text: string): void {
  const beside = `${file}.${process.pid}.part`
  try {
    writeFileSync(beside, text)
    renameSync(beside, file)
  } catch (thrown) {
    throw usageError(`--html=${file} cannot be written: ${messageOf(thrown)}`)
  }
}
