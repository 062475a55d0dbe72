import { loginTask } from '../../azure/account.ts'
import { type Azure, createAzure } from '../../azure/client.ts'
import { containerTasks } from '../../azure/containers/release.ts'
import { getImageName } from '../../azure/resources/registry.ts'
import type { CommonFlags, Run } from '../../cli/defineScript.ts'
import { applicationRoleTask } from '../../database/applicationRole.ts'
import { getFact } from '../../tasks/engine.ts'
import { eachServer, ok, onEachServer, type Task, type VpsContext } from '../../tasks/task.ts'
import { getExitCode, type Settled, settleAll } from '../../util/concurrency.ts'
import { usageError } from '../../util/errors.ts'
import {
  type BadReleases,
  markBadCommand,
  type ReleasePart,
  readBadReleases,
  unmarkBadCommand,
} from '../../vps/badReleases.ts'
import { purgeTasks } from '../../vps/frontend/purge.ts'
import { logSwitch, type Switched, switchBackCommand } from '../../vps/frontend/switch.ts'
import { nginxHttpsTask } from '../../vps/nginx/tasks.ts'
import { inspectServers } from '../../vps/serverState.ts'
import { whoami } from '../context.ts'
import { utc } from '../receipts/history.ts'
import { type Receipt, type ReceiptList, readKeptReceipts, receiptsKept } from '../receipts/receipts.ts'
import type { TaskList } from '../runTasks.ts'
import { verifyFrontendTask, verifyTask } from '../verify.ts'
import { verifyingProxy } from './automatic.ts'
import {
  assertSettled,
  backendCandidates,
  type Candidate,
  candidateTable,
  chooseTarget,
  frontendCandidates,
  liveTag,
  verifiedReleases,
} from './candidates.ts'

export interface RollbackFlags extends CommonFlags {
  part?: ReleasePart
  to?: string
  list?: boolean
  markBad?: boolean
  why?: string
  clearBad?: string
}

interface Choice {
  target: Candidate
  /** The release that was live before; '' if none was. */
  left: string
  /** The target as an image, for the backend. */
  image: string
}

/** The tasks of `rollback PART`. */
export function rollbackTasks(run: Run<RollbackFlags>, context: VpsContext, part: ReleasePart): TaskList {
  if (run.flags.clearBad !== undefined) return { tasks: [clearTask(context, part, run.flags.clearBad)] }
  return part === 'frontend' ? frontendRollback(run, context) : backendRollback(run, context)
}

function frontendRollback(run: Run<RollbackFlags>, context: VpsContext): TaskList {
  const choose = chooseTask(run, context, createAzure(context), 'frontend', [])
  const mark = markTask(run, context, 'frontend', choose)
  const servers = eachServer(context)
  let ms: number | undefined
  const swap: Task<Switched> = {
    id: 'frontend-switch',
    title: 'Switch back',
    part: 'ionos',
    after: [choose, mark],
    async inspect(ahead) {
      const { target, left: from } = ahead.fact(choose)
      const { id: to } = target
      if ((await inspectServers(context)).every(({ live }) => live === to))
        return { ...ok(`release ${to} is live`), fact: { from, to } }
      return {
        state: 'change',
        what: `release ${to}`,
        fields: [{ name: 'live release', before: from || undefined, after: to }],
        effects: servers.map((each) => switchBackCommand(each, to)),
        fact: { from, to },
      }
    },
    beforeEach: async () => performance.now(),
    async afterEach({ index, change: { fact } }, started, log) {
      ms = logSwitch(servers[index]!, fact!.to, started as number, log)
    },
  }
  const purge = purgeTasks(context, swap)
  // The checks need the current nginx configuration, but the switch does not wait for it.
  const nginx = onEachServer(context, (each) => nginxHttpsTask(each, { after: [swap] }))
  const verify = verifyFrontendTask(context, { swaps: [swap], after: [...purge, ...nginx] })
  return {
    tasks: [choose, mark, swap, ...purge, ...nginx, verify],
    receipt: (outcomes) => ({
      frontend:
        getFact(outcomes, verify)?.live ??
        getFact(outcomes, swap)?.to ??
        getFact(outcomes, choose)?.left ??
        '',
    }),
    summary(outcomes) {
      const { from, to } = getFact(outcomes, swap) ?? {}
      return [
        ...(ms === undefined ? [] : [`Switched in ${ms} ms over the open connection; nothing was uploaded.`]),
        ...(from === to
          ? []
          : [
              `The sources are unchanged: the next deploy-complete, publish-frontend or update-frontend of them makes ${from} live again.`,
            ]),
      ]
    },
  }
}

function backendRollback(run: Run<RollbackFlags>, context: VpsContext): TaskList {
  const azure = createAzure(context)
  const login = loginTask(context, azure.account)
  const image = chooseTask(run, context, azure, 'backend', [login])
  const mark = markTask(run, context, 'backend', image)
  // After the selection, so that a refusal changes nothing.
  const nginx = onEachServer(context, (each) => nginxHttpsTask(each, { azure, after: [mark] }))
  const role = applicationRoleTask(context, { azure, after: [mark] })
  const [backend, worker] = containerTasks(context, azure, {
    image,
    after: [mark, role],
    nginx,
    proxy: verifyingProxy(context, azure),
    needsProxy: true,
  })
  const verify = verifyTask(context, { azure, ionos: true, after: [backend, worker] })
  return {
    tasks: [login, image, mark, role, ...nginx, backend, worker, verify],
    receipt: (outcomes) => {
      const chosen = getFact(outcomes, image)
      return chosen ? { image: chosen.image } : {}
    },
    summary(outcomes) {
      const { target, left } = getFact(outcomes, image) ?? {}
      if (left === target?.id) return []
      return [
        'The tables are not rolled back: migrations of the newer image stay applied.',
        `The sources are unchanged: the next deploy-complete or update-backend of them brings ${left} back.`,
      ]
    },
  }
}

/** The releases of a part, and the one that is live. */
async function readCandidates(
  context: VpsContext,
  azure: Azure,
  part: ReleasePart,
  known: Promise<[bad: BadReleases, receipts: readonly Receipt[]]>,
  to?: string,
): Promise<{ candidates: Candidate[]; left: string }> {
  if (part === 'frontend') {
    const [[state, ...others], [bad, receipts]] = await Promise.all([inspectServers(context), known])
    const isEverywhere = ({ id }: { id: string }) =>
      others.every((other) => other.releases.some((release) => release.id === id))
    const releases = state!.releases.filter(isEverywhere)
    const { frontend } = verifiedReleases(receipts)
    const candidates = frontendCandidates({ ...state!, releases }, bad.frontend, frontend)
    return { candidates, left: state!.live }
  }
  const [tags, left, [bad, receipts]] = await Promise.all([azure.tags(), liveTag(azure), known])
  // The list has at most 100 tags, and the named one may be older.
  const older = to && !tags.some(({ name }) => name.startsWith(to)) ? await azure.tag(to) : undefined
  const { backend } = verifiedReleases(receipts)
  const all = older ? [...tags, older] : tags
  return { candidates: backendCandidates(all, left, bad.backend, backend, receipts), left }
}

/** The receipts. Throws when some are missing and no release is named: the previous one cannot be derived then. */
export function receiptsFor({ kept, answers }: ReceiptList, to: string | undefined): Receipt[] {
  const missing = Object.values(answers).find(({ failure }) => failure)?.failure
  if (missing && to === undefined) throw missing
  return kept.map(({ receipt }) => receipt)
}

/**
 * Selects the release under the lock and adds it to the command that resumes, because a later run would
 * select another one.
 */
function chooseTask(
  run: Run<RollbackFlags>,
  context: VpsContext,
  azure: Azure,
  part: ReleasePart,
  after: readonly Task[],
): Task<Choice> {
  const { to } = run.flags
  return {
    id: part === 'backend' ? 'image' : 'rollback-target',
    title: part === 'backend' ? 'Image to roll back to' : 'Release to roll back to',
    part: part === 'backend' ? 'azure' : 'ionos',
    after,
    async inspect() {
      if (part === 'backend' && to === undefined) await assertSettled(azure)
      const known = Promise.all([
        readBadReleases(context),
        readKeptReceipts(context, receiptsKept).then((history) => receiptsFor(history, to)),
      ])
      const { candidates, left } = await readCandidates(context, azure, part, known, to)
      const target = chooseTarget(part, candidates, to)
      if (to === undefined) run.resumeCommand = `${run.resumeCommand} --to ${target.id}`
      const seen = target.healthy ? `last verified ${utc(target.healthy)} UTC` : 'never verified'
      return {
        ...ok(`${target.id} of ${utc(target.made)} UTC, ${seen}`),
        fact: { target, left, image: getImageName(context.config, target.id) },
      }
    },
  }
}

/** Marks the current release as bad. This task comes first, so that the mark exists even if the run is killed later. */
function markTask(
  run: Run<RollbackFlags>,
  { runner, server }: VpsContext,
  part: ReleasePart,
  choose: Task<Choice>,
): Task {
  return {
    id: 'mark-bad',
    title: 'Mark the current release as bad',
    part: 'ionos',
    after: [choose],
    async inspect(ahead) {
      if (!run.flags.markBad) return ok('not requested')
      const { left, target } = ahead.fact(choose)
      if (left === '' || left === target.id) return ok('no release is live')
      const mark = {
        at: new Date().toISOString(),
        why: runner.secrets.clean(run.flags.why ?? `rolled back by ${whoami()}`),
      }
      const effects = [markBadCommand(server, part, left, mark)]
      return { state: 'change', what: `${left} is marked as bad: ${mark.why}`, effects }
    },
  }
}

const clearTask = (context: VpsContext, part: ReleasePart, id: string): Task => ({
  id: 'clear-bad',
  title: 'Remove the mark of a bad release',
  part: 'ionos',
  async inspect() {
    const marks = (await readBadReleases(context))[part]
    const mark = marks.get(id)
    const effects = [unmarkBadCommand(context.server, part, id)]
    if (mark)
      return { state: 'change', what: `${id} is no longer marked as bad (reason was: ${mark.why})`, effects }
    const others = [...marks.keys()]
    throw usageError(
      `No ${part} release ${id} is marked as bad`,
      others.length > 0 ? `Marked as bad: ${others.join(', ')}` : 'No release is marked as bad.',
    )
  },
})

/** Shows the releases of the parts as far as they can be determined. */
export async function listReleases(
  run: Run<RollbackFlags>,
  context: VpsContext,
  parts: readonly ReleasePart[],
): Promise<number> {
  const azure = createAzure(context)
  const list = await readKeptReceipts(context, receiptsKept)
  const receipts = list.kept.map(({ receipt }) => receipt)
  const marks = await settleAll<{ marks: BadReleases }>({ marks: () => readBadReleases(context) })
  const none: BadReleases = { frontend: new Map(), backend: new Map() }
  const known: [BadReleases, Receipt[]] = [marks.marks.value ?? none, receipts]
  const ask = async (part: ReleasePart) =>
    (await readCandidates(context, azure, part, Promise.resolve(known))).candidates
  const found = await settleAll<Partial<Record<ReleasePart, Candidate[]>>>(
    Object.fromEntries(parts.map((part) => [part, () => ask(part)])),
  )
  const answers: Record<string, Settled<unknown>> = {
    ...found,
    'marks of bad releases': marks.marks,
    'receipts on the VPS': list.answers.vps,
    'receipts on this machine': list.answers.here,
  }
  const missing = Object.entries(answers).flatMap(([what, { failure }]) =>
    failure ? [{ what, why: failure.message }] : [],
  )
  const tables = parts.flatMap((part) =>
    found[part]?.value ? [candidateTable(part, found[part].value, getExitCode(list.answers) === 0)] : [],
  )
  const notes = missing.map(({ what, why }) => `! Unknown: ${what}: ${why}`)
  const releases = Object.fromEntries(parts.map((part) => [part, found[part]?.value ?? null]))
  const code = getExitCode(answers)
  run.result([...tables, notes.join('\n')].filter(Boolean).join('\n\n'), {
    ok: code === 0,
    ...releases,
    missing,
  })
  return code
}
