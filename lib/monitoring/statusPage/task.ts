import path from 'node:path'
import { assertOutputFile, writeOutputFile } from '../../cli/outputFile.ts'
import type { Config } from '../../config/config.ts'
import { ok, type Task, type VpsContext } from '../../tasks/task.ts'
import { readIfPresent } from '../../util/json.ts'
import { formatDigestTag, type StatusPage, statusPageTask } from '../../vps/statusPage.ts'
import { historyFile, readHistory } from '../store/store.ts'

/** Builds the page. Throws (exit 3) when the history is missing, locked, damaged or of a newer version. */
async function buildStatusPage(config: Config): Promise<StatusPage> {
  const [{ renderStatusPage }, { buildStatusView }, history] = await Promise.all([
    import('./page.ts'),
    import('./data.ts'),
    readHistory(historyFile(config)),
  ])
  try {
    return await renderStatusPage(buildStatusView(history, config, Date.now()))
  } finally {
    history.close()
  }
}

/** Publishes the page, or writes it to a file, which needs neither login nor network. Throws (exit 2) when it cannot. */
export function pageTask(context: VpsContext, out: string | undefined): Task<StatusPage> {
  const make = () => buildStatusPage(context.config)
  if (out === undefined) return statusPageTask(context, make)
  assertOutputFile('--out', out)
  const file = path.resolve(out)
  return {
    id: 'status-page',
    title: `Status page ${file}`,
    part: 'together',
    async inspect() {
      const page = await make()
      const present = readIfPresent(file)
      if (present?.includes(formatDigestTag(page.digest))) return ok(`written: ${page.summary}`)
      const state = present === undefined ? 'create' : 'change'
      return { state, what: page.summary, effects: [], fact: page }
    },
    async afterAll({ fact: page }) {
      writeOutputFile('--out', file, page!.html)
    },
  }
}
