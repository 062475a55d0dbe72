import type { VpsContext } from '../tasks/task.ts'
import type { Finding } from '../util/verdict.ts'
import { type Category, type Check, type CheckContext, categories, getAdvice, select } from './check.ts'
import { createCheckContext } from './context.ts'
import { checks } from './list.ts'
import { perServer } from './perServer.ts'
import { runCheck } from './run.ts'

export interface Examined extends Finding {
  category: Category
}

/** Runs the checks of these categories in parallel. Changes nothing; the failure of one does not stop the others. */
export async function examine(
  context: VpsContext,
  chosen: readonly Category[],
  signal: AbortSignal,
): Promise<Examined[]> {
  const checking = createCheckContext(context, { signal, requestTimeoutMs: 10_000 })
  const wanted = perServer(context, select(checks, 'doctor')).filter((check) =>
    chosen.includes(getCategory(check)),
  )
  return Promise.all(wanted.map((check) => examineOne(check, checking)))
}

export const getCategory = ({ tags }: Check): Category =>
  categories.find((category) => tags.includes(category)) ?? 'tools'

async function examineOne(check: Check, checking: CheckContext): Promise<Examined> {
  const { id, title } = check
  const category = getCategory(check)
  const result = await runCheck(check, checking)
  const { detail } = result
  // A program on this machine that does not respond counts as missing.
  if (category === 'tools' && result.verdict === 'UNKNOWN') result.verdict = 'CRITICAL'
  const next = result.verdict === 'OK' ? undefined : getAdvice(check, result)
  return { id, category, title, verdict: result.verdict, detail, ...(next ? { next } : {}) }
}
