import { createAzure } from '../azure/resources.ts'
import type { Run } from '../cli/script.ts'
import { usageError } from '../command/errors.ts'
import { type Answer, exitCodeOf, gather } from '../command/gather.ts'
import type { BadReleases, Part } from '../ionos/badReleases.ts'
import { badReleases } from '../ionos/badReleases.ts'
import { surveyOf } from '../ionos/survey.ts'
import type { Context } from '../steps/context.ts'
import { type Candidate, candidateTable, evidenceOf } from './candidates.ts'
import { withContext } from './context.ts'
import { performSteps } from './perform.ts'
import { backendCandidates, frontendCandidates, liveTag } from './readCandidates.ts'
import { receiptsKept } from './receipt.ts'
import { readHistory } from './receipts.ts'
import { type RollbackFlags, rollbackOf } from './rollbackLists.ts'

/** Lists what may be gone back to, or goes back to it. Gives the exit code. */
export async function rollback(run: Run<RollbackFlags>): Promise<number> {
  const { part, list, to, markBad, clearBad, why } = run.flags
  if (part !== undefined && part !== 'frontend' && part !== 'backend')
    throw usageError(`${part} is not a part that is rolled back`, 'Give frontend or backend.')
  const parts: Part[] = part ? [part] : ['frontend', 'backend']
  if (list) {
    const other = { '--to': to, '--mark-bad': markBad, '--clear-bad': clearBad, '--why': why }
    const beside = Object.entries(other).find(([, value]) => value !== undefined)?.[0]
    if (beside)
      throw usageError(`--list only shows, and does not go with ${beside}`, 'Leave one of them out.')
    return withContext(run, 'rollback', false, (context) => listReleases(run, context, parts))
  }
  if (!part)
    throw usageError(
      'What is to be rolled back?',
      'npx dominion rollback frontend, or backend; --list shows both.',
    )
  if (clearBad !== undefined && (to !== undefined || markBad))
    throw usageError('--clear-bad rolls nothing back, and goes with neither --to nor --mark-bad')
  if (why !== undefined && !markBad) throw usageError('--why goes with --mark-bad')
  return performSteps(run, { script: 'rollback', needsVps: true, ...rollbackOf(run, part) })
}

/** Shows the releases of the parts as far as they can be known. */
async function listReleases(
  run: Run<RollbackFlags>,
  context: Context,
  parts: readonly Part[],
): Promise<number> {
  const azure = createAzure(context)
  const history = await readHistory(context, receiptsKept)
  const receipts = history.kept.map(({ receipt }) => receipt)
  const evidence = evidenceOf(receipts)
  const marks = await gather<{ marks: BadReleases }>({ marks: () => badReleases(context) })
  const none: BadReleases = { frontend: new Map(), backend: new Map() }
  const bad = marks.marks.value ?? none
  const asks: Record<Part, () => Promise<Candidate[]>> = {
    frontend: async () => frontendCandidates(await surveyOf(context), bad.frontend, evidence.frontend),
    backend: async () => {
      const [tags, live] = await Promise.all([azure.tags(), liveTag(azure)])
      return backendCandidates(tags, live, bad.backend, evidence.backend, receipts)
    },
  }
  const found = await gather<Partial<Record<Part, Candidate[]>>>(
    Object.fromEntries(parts.map((part) => [part, asks[part]])),
  )
  const answers: Record<string, Answer<unknown>> = {
    ...found,
    'marks of bad releases': marks.marks,
    'receipts of the VPS': history.answers.vps,
    'receipts here': history.answers.here,
  }
  const missing = Object.entries(answers).flatMap(([what, { failure }]) =>
    failure ? [{ what, why: failure.message }] : [],
  )
  const tables = parts.flatMap((part) =>
    found[part]?.value ? [candidateTable(part, found[part].value, exitCodeOf(history.answers) === 0)] : [],
  )
  const notes = missing.map(({ what, why }) => `! Not known: ${what}: ${why}`)
  const releases = Object.fromEntries(parts.map((part) => [part, found[part]?.value ?? null]))
  const code = exitCodeOf(answers)
  run.result([...tables, notes.join('\n')].filter(Boolean).join('\n\n'), {
    ok: code === 0,
    ...releases,
    missing,
  })
  return code
}
