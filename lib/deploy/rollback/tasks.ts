import { loginTask } from '../../azure/account.ts'
import { type Azure, createAzure } from '../../azure/client.ts'
import { containerTasks } from '../../azure/containers/release.ts'
import { repository } from '../../azure/resources/registry.ts'
import type { CommonFlags, Run } from '../../cli/defineScript.ts'
import type { Context } from '../../tasks/context.ts'
import { goingBy, ok, type Task, unknown } from '../../tasks/task.ts'
import { usageError } from '../../util/errors.ts'
import { badReleases, clearCommand, markCommand, type Part } from '../../vps/badReleases.ts'
import { switchBack, switchBackCommand } from '../../vps/frontend/publish.ts'
import { purgeTasks } from '../../vps/frontend/purge.ts'
import { nginxHttpsTask } from '../../vps/nginx/tasks.ts'
import { inspectServer } from '../../vps/serverState.ts'
import { afterNginx } from '../azureTasks.ts'
import { whoami } from '../context.ts'
import { utc } from '../receipts/format.ts'
import { type History, readHistory } from '../receipts/read.ts'
import type { Receipt } from '../receipts/write.ts'
import { receiptsKept } from '../receipts/write.ts'
import type { TaskList, TaskRun } from '../runTasks.ts'
import { verifyTask } from '../verify.ts'
import { verifyingProxy } from './automatic.ts'
import {
  assertSettled,
  backendCandidates,
  type Candidate,
  chooseTarget,
  frontendCandidates,
  liveTag,
  verifiedReleases,
} from './candidates.ts'
import { type Switched, verifyFrontendTask } from './verifyFrontend.ts'

export interface RollbackFlags extends CommonFlags {
  part?: string
  to?: string
  list?: boolean
  markBad?: boolean
  why?: string
  clearBad?: string
}

/** What the step that chooses has found. */
interface Choice {
  target?: Candidate
  /** The one that is live before; '' when none is. */
  left: string
}

const notChosen = 'the release is not chosen'

const chosen = ({ target }: Choice): Candidate => {
  if (!target) throw new Error('the step that chooses has not looked yet')
  return target
}

/** What `rollback PART` does. */
export function getRollbackTasks(run: Run<RollbackFlags>, part: Part): Pick<TaskRun, 'list' | 'summary'> {
  if (run.flags.clearBad !== undefined) return clearing(part, run.flags.clearBad)
  return part === 'frontend' ? frontendRollback(run) : backendRollback(run)
}

function frontendRollback(run: Run<RollbackFlags>): Pick<TaskRun, 'list' | 'summary'> {
  const choice: Choice = { left: '' }
  const switched: Switched = { from: '', to: '' }
  let took: number | undefined
  const list = (context: Context): TaskList => {
    const choose = chooseStep(run, 'frontend', choice, [], async () => {
      const [survey, bad, history] = await Promise.all([
        inspectServer(context),
        badReleases(context),
        readHistory(context, receiptsKept),
      ])
      const { frontend } = verifiedReleases(receiptsFor(history, run.flags.to))
      return {
        candidates: frontendCandidates(survey, bad.frontend, frontend),
        left: survey.live,
      }
    })
    const swap: Task = goingBy(choose.id, notChosen, {
      id: 'frontend-switch',
      title: 'Switch back',
      part: 'ionos',
      after: ['mark-bad'],
      async inspect() {
        const { id } = chosen(choice)
        if (id === choice.left) return ok(`release ${id} is live`)
        const fields = [{ name: 'live release', before: choice.left || undefined, after: id }]
        return {
          state: 'change',
          what: `release ${id}`,
          fields,
          effects: [switchBackCommand(context.config, id)],
        }
      },
      async apply(_difference, tell) {
        took = await switchBack(context, chosen(choice).id, tell)
        Object.assign(switched, { from: choice.left, to: chosen(choice).id })
      },
    })
    return {
      steps: [
        choose,
        markStep(run, context, 'frontend', choice, choose.id),
        swap,
        ...purgeTasks(context),
        // What is served is asked at an address that the configuration of today gives. It can wait; the swap cannot.
        { ...nginxHttpsTask(context), after: [swap.id] },
        verifyFrontendTask(context, switched),
      ],
      about: () => ({ frontend: switched.live ?? (switched.to || choice.left) }),
    }
  }
  const summary = () => [
    ...(took === undefined ? [] : [`Switched in ${took} ms on the open connection, nothing was uploaded.`]),
    ...(choice.left === choice.target?.id
      ? []
      : [
          `The sources are as they were: the next deploy-complete, publish-frontend or update-frontend of them brings ${choice.left} live again.`,
        ]),
  ]
  return { list, summary }
}

function backendRollback(run: Run<RollbackFlags>): Pick<TaskRun, 'list' | 'summary'> {
  const choice: Choice = { left: '' }
  const list = (context: Context): TaskList => {
    const azure = createAzure(context)
    const choose = chooseStep(run, 'backend', choice, ['azure-login'], async () => {
      if (run.flags.to === undefined) await assertSettled(azure)
      return backendChoices(context, azure, run.flags.to)
    })
    const name = () => `${context.config.azure.registry}.azurecr.io/${repository}:${chosen(choice).id}`
    const releases = containerTasks(context, azure, {
      image: { name },
      proxy: verifyingProxy(context, azure),
      needsProxy: true,
    }).map((step) =>
      goingBy(choose.id, notChosen, step.id === 'backend' ? { ...step, after: ['mark-bad'] } : step),
    )
    return {
      steps: [
        loginTask(context, azure.account),
        choose,
        markStep(run, context, 'backend', choice, choose.id),
        // Not before the choice: a refusal has changed nothing.
        { ...nginxHttpsTask(context), after: ['mark-bad'] },
        ...afterNginx(releases),
        verifyTask(
          context,
          { azure, ionos: true },
          releases.map(({ id }) => id),
        ),
      ],
      about: () => ({ image: choice.target && name() }),
    }
  }
  const summary = () =>
    choice.left === choice.target?.id
      ? []
      : [
          'The tables are not rolled back: migrations that came with the newer image stay.',
          `The sources are as they were: the next deploy-complete or update-backend of them brings ${choice.left} back.`,
        ]
  return { list, summary }
}

async function backendChoices(context: Context, azure: Azure, to: string | undefined) {
  const [tags, left, bad, history] = await Promise.all([
    azure.tags(),
    liveTag(azure),
    badReleases(context),
    readHistory(context, receiptsKept),
  ])
  // The list ends after 100 tags; one that is named may be older.
  const older = to && !tags.some(({ name }) => name.startsWith(to)) ? await azure.tag(to) : undefined
  const receipts = receiptsFor(history, to)
  const { backend } = verifiedReleases(receipts)
  return {
    candidates: backendCandidates(older ? [...tags, older] : tags, left, bad.backend, backend, receipts),
    left,
  }
}

/**
 * The receipts that say what has worked. Only a release that is named needs none of them: which one is "the one before"
 * is not told from receipts of which some are missing.
 */
export function receiptsFor({ kept, answers }: History, to: string | undefined): Receipt[] {
  const missing = Object.values(answers).find(({ failure }) => failure)?.failure
  if (missing && to === undefined) throw missing
  return kept.map(({ receipt }) => receipt)
}

/** Chooses under the lock, and makes the line that resumes name what was chosen: "the one before" has moved by then. */
function chooseStep(
  run: Run<RollbackFlags>,
  part: Part,
  choice: Choice,
  after: string[],
  ask: () => Promise<{ candidates: Candidate[]; left: string }>,
): Task {
  return {
    // The containers' steps wait for a step of this name to tell them the image.
    id: part === 'backend' ? 'image' : 'rollback-target',
    title: part === 'backend' ? 'Image to go back to' : 'Release to go back to',
    part: part === 'backend' ? 'azure' : 'ionos',
    after,
    async inspect() {
      const { candidates, left } = await ask()
      const target = chooseTarget(part, candidates, run.flags.to)
      Object.assign(choice, { target, left })
      if (run.flags.to === undefined) run.resumeCommand = `${run.resumeCommand} --to ${target.id}`
      const seen = target.healthy
        ? `last seen healthy ${utc(target.healthy)} UTC`
        : 'not known to have worked'
      return ok(`${target.id} of ${utc(target.made)} UTC, ${seen}`)
    },
  }
}

/** Marks the release that is left. It comes first, so that a run that is killed later has not forgotten it. */
function markStep(
  run: Run<RollbackFlags>,
  { config, runner }: Context,
  part: Part,
  choice: Choice,
  after: string,
): Task {
  return {
    id: 'mark-bad',
    title: 'Mark of the release that is left',
    part: 'ionos',
    after: [after],
    async inspect(ahead) {
      const { left } = choice
      if (!run.flags.markBad) return ok('none asked for')
      if (ahead.isUnknown(after)) return unknown(notChosen)
      if (left === '' || left === chosen(choice).id) return ok('none is left')
      const mark = {
        at: new Date().toISOString(),
        why: runner.secrets.clean(run.flags.why ?? `rolled back by ${whoami()}`),
      }
      const effects = [markCommand(config, part, left, mark)]
      return { state: 'change', what: `${left} is bad: ${mark.why}`, effects }
    },
  }
}

function clearing(part: Part, id: string): Pick<TaskRun, 'list'> {
  return {
    list: (context) => ({
      steps: [
        {
          id: 'clear-bad',
          title: 'Mark of a bad release',
          part: 'ionos',
          async inspect() {
            const marks = (await badReleases(context))[part]
            const mark = marks.get(id)
            const effects = [clearCommand(context.config, part, id)]
            if (mark)
              return { state: 'change', what: `${id} is no longer bad (it was: ${mark.why})`, effects }
            const others = [...marks.keys()]
            throw usageError(
              `No ${part} release ${id} is marked bad`,
              others.length > 0 ? `These are: ${others.join(', ')}` : 'None is.',
            )
          },
        },
      ],
    }),
  }
}
