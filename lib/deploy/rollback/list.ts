import { createAzure } from '../../azure/client.ts'
import type { Run } from '../../cli/defineScript.ts'
import type { Context } from '../../tasks/context.ts'
import { getExitCode, type Settled, settleAll } from '../../util/concurrency.ts'
import type { BadReleases, ReleasePart } from '../../vps/badReleases.ts'
import { readBadReleases } from '../../vps/badReleases.ts'
import { inspectServer } from '../../vps/serverState.ts'
import { readHistory } from '../receipts/read.ts'
import { receiptsKept } from '../receipts/write.ts'
import {
  backendCandidates,
  type Candidate,
  candidateTable,
  frontendCandidates,
  liveTag,
  verifiedReleases,
} from './candidates.ts'
import type { RollbackFlags } from './tasks.ts'

/** Shows the releases of the parts as far as they can be known. */
export async function listReleases(
  run: Run<RollbackFlags>,
  context: Context,
  parts: readonly ReleasePart[],
): Promise<number> {
  const azure = createAzure(context)
  const history = await readHistory(context, receiptsKept)
  const receipts = history.kept.map(({ receipt }) => receipt)
  const evidence = verifiedReleases(receipts)
  const marks = await settleAll<{ marks: BadReleases }>({ marks: () => readBadReleases(context) })
  const none: BadReleases = { frontend: new Map(), backend: new Map() }
  const bad = marks.marks.value ?? none
  const asks: Record<ReleasePart, () => Promise<Candidate[]>> = {
    frontend: async () => frontendCandidates(await inspectServer(context), bad.frontend, evidence.frontend),
    backend: async () => {
      const [tags, live] = await Promise.all([azure.tags(), liveTag(azure)])
      return backendCandidates(tags, live, bad.backend, evidence.backend, receipts)
    },
  }
  const found = await settleAll<Partial<Record<ReleasePart, Candidate[]>>>(
    Object.fromEntries(parts.map((part) => [part, asks[part]])),
  )
  const answers: Record<string, Settled<unknown>> = {
    ...found,
    'marks of bad releases': marks.marks,
    'receipts of the VPS': history.answers.vps,
    'receipts here': history.answers.here,
  }
  const missing = Object.entries(answers).flatMap(([what, { failure }]) =>
    failure ? [{ what, why: failure.message }] : [],
  )
  const tables = parts.flatMap((part) =>
    found[part]?.value ? [candidateTable(part, found[part].value, getExitCode(history.answers) === 0)] : [],
  )
  const notes = missing.map(({ what, why }) => `! Not known: ${what}: ${why}`)
  const releases = Object.fromEntries(parts.map((part) => [part, found[part]?.value ?? null]))
  const code = getExitCode(answers)
  run.result([...tables, notes.join('\n')].filter(Boolean).join('\n\n'), {
    ok: code === 0,
    ...releases,
    missing,
  })
  return code
}
