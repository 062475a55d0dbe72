import type { CommonFlags, Run } from '../cli/defineScript.ts'
import { type Config, formatScriptLine } from '../config/config.ts'
import { getRevision } from '../shell/git.ts'
import type { Loss } from '../shell/remote.ts'
import { criticalPath, executeTasks, type Outcome } from '../tasks/engine.ts'
import { formatSummary, planData, printPlan } from '../tasks/plan.ts'
import { openScreen } from '../tasks/renderer.ts'
import type { Task, VpsContext } from '../tasks/task.ts'
import { exitCode, getMessage, OpsError, unknownError } from '../util/errors.ts'
import { formatDuration } from '../util/format.ts'
import { writeErr } from '../util/terminal.ts'
import { type OpenContext, openContext } from './context.ts'
import { type LockTask, lockTask } from './lock.ts'
import { type ReceiptFacts, writeReceipt } from './receipts/receipts.ts'
import { getSeparateConfig } from './separation.ts'

export interface TaskList {
  /** Every task except those of the part `prepare` waits for the lock. */
  tasks: readonly Task[]
  /** Returns what is live at the end, for the receipt. */
  receipt?: (outcomes: readonly Outcome[]) => ReceiptFacts
  summary?: (outcomes: readonly Outcome[]) => string[]
}

export interface TaskRun {
  /** Called while the connection to the VPS opens. */
  tasks(context: VpsContext): readonly Task[] | TaskList | Promise<readonly Task[] | TaskList>
  /** The result of `getSeparateConfig`, if it has already run. */
  config?: Config
  /** If false, the run warns and continues without the lock when the VPS cannot be reached. */
  needsVps: boolean
  /**
   * Uses neither lock nor receipt, for a script that runs every few minutes and changes nothing that a deploy
   * touches. Its tasks prevent concurrent runs. Without --json the result is logged and stdout stays empty.
   */
  unrecorded?: true
}

/** Plans or runs a list of tasks, with lock, screen, receipt and result. Returns the exit code. */
export async function runTasks(run: Run<CommonFlags>, task: TaskRun): Promise<number> {
  const { config = await getSeparateConfig(run) } = task
  const planning = run.flags.dryRun === true
  const context = await openContext(run, config, run.script, !planning, {
    // These transcripts are many and must not displace those of deploys.
    ...(task.unrecorded ? { folder: `transcripts-${run.script}` } : {}),
  })
  if (task.needsVps || !task.unrecorded)
    for (const server of config.servers) await context.runner.beginConnecting(server)
  const lock = task.unrecorded
    ? undefined
    : lockTask(context, {
        id: context.id,
        line: run.resumeCommand,
        take: !planning,
        needed: task.needsVps,
        // Printed with --quiet, too: the operator must act on it.
        warn: (line) => writeErr(`${run.clean(`! ${line}`)}\n`),
      })
  try {
    const given = await task.tasks(context)
    const list = 'tasks' in given ? given : { tasks: given }
    return planning
      ? await plan(run, context, list, lock)
      : await perform(run, context, list, lock, task.unrecorded)
  } finally {
    await lock?.release()
    await context.close()
  }
}

async function plan(
  run: Run<CommonFlags>,
  context: VpsContext,
  { tasks }: TaskList,
  lock: LockTask | undefined,
): Promise<number> {
  const outcomes = await executeTasks(tasks, {
    mode: 'plan',
    runner: context.runner,
    lock: lock?.task,
    stopping: run.stopping,
    signal: run.signal,
  })
  const code = printPlan(run, outcomes, context.runner.secrets)
  const failed = outcomes.find(({ state }) => state === 'failed')
  if (failed) throw failed.error
  return code
}

async function perform(
  run: Run<CommonFlags>,
  context: OpenContext,
  { tasks, receipt: facts, summary: closing }: TaskList,
  lock: LockTask | undefined,
  unrecorded: true | undefined,
): Promise<number> {
  const startedAt = Date.now()
  const { runner, config } = context
  const screen = await openScreen({
    tasks: lock ? [lock.task, ...tasks] : tasks,
    renderer: run.flags.quiet ? 'silent' : chooseRenderer(),
    verbose: run.flags.verbose ?? false,
    stopping: run.stopping,
    write: (line) => writeErr(`${line}\n`),
    clean: runner.secrets.clean,
  })
  const running = executeTasks(tasks, {
    mode: 'apply',
    runner,
    listener: screen,
    lock: lock?.task,
    stopping: lock ? AbortSignal.any([run.stopping, lock.lost]) : run.stopping,
    signal: run.signal,
  })
  // Read while the connection opens, so that determining the revision for the receipt takes no extra time.
  const revision = lock ? getRevision(runner, config.folder) : ''
  const outcomes = await running
  await screen.finished()
  // A signal during the last task interrupts nothing.
  const cut = outcomes.some(({ state }) => state === 'skipped' || state === 'failed')
  const lockLost: Loss | undefined = lock?.lost.aborted ? lock.lost.reason : undefined
  const interrupted = (cut && run.interruptedBy() !== undefined) || lockLost !== undefined
  const record = { id: context.id, line: run.resumeCommand, startedAt, interrupted, revision: await revision }
  const keeping =
    lock &&
    writeReceipt(context, outcomes, record, facts?.(outcomes) ?? {}, lock.held()).catch((thrown) => {
      run.log(`! The receipt could not be stored: ${getMessage(thrown)}`)
    })
  // Nothing changes from here on, so the next deploy may start while the receipt is sent.
  const [receipt] = await Promise.all([keeping, lock?.release()])
  throwFailures(outcomes)
  if (interrupted) throw cutShort(context.server.address, outcomes, lockLost)
  run.complete = true
  const chain = criticalPath(outcomes)
  const nothing = outcomes.every(({ state }) => state === 'ok')
  const text = [
    `${nothing ? 'Nothing to do' : 'Done'} in ${formatDuration(Date.now() - startedAt)}: ${formatSummary(outcomes, true)}`,
    ...(nothing || chain.ids.length < 2
      ? []
      : [`Longest chain of dependent steps: ${formatDuration(chain.ms)} (${chain.ids.join(' → ')})`]),
    ...(closing?.(outcomes) ?? []),
  ]
  // Otherwise cron would mail each of these lines every few minutes.
  if (unrecorded && !run.flags.json) run.log(text.join('\n'))
  else run.result(text.join('\n'), { ok: true, changed: !nothing, receipt, steps: planData(outcomes) })
  return exitCode.done
}

function cutShort(host: string, outcomes: readonly Outcome[], lockLost: Loss | undefined): OpsError {
  const so = formatSummary(outcomes, true)
  if (lockLost === undefined) return new OpsError({ what: `Interrupted: ${so}` })
  if (lockLost === 'cut') {
    return unknownError(
      `The connection to ${host}, and with it the deploy lock, was lost during this deploy: ${so}`,
      undefined,
      'Run this command again: it continues where it stopped.',
    )
  }
  return new OpsError({
    what: `The deploy lock was lost during this deploy: ${so}`,
    next: `This machine was asleep for too long, or somebody ran ${formatScriptLine('unlock')}. When nobody else is deploying, run this command again: it continues where it stopped.`,
    exitCode: exitCode.locked,
  })
}

function throwFailures(outcomes: readonly Outcome[]): void {
  const [first, ...rest] = outcomes.filter(({ state }) => state === 'failed')
  if (!first) return
  const others = rest.filter(({ error }) => getMessage(error) !== getMessage(first.error))
  const also = others.map(({ task, error }) => `Also failed: ${task.title}: ${getMessage(error)}`)
  if (!(first.error instanceof OpsError)) {
    throw new OpsError({
      what: `${first.task.title}: ${getMessage(first.error)}`,
      said: also.join('\n') || undefined,
    })
  }
  const { failure } = first.error
  throw new OpsError({
    ...failure,
    what: `${first.task.title}: ${failure.what}`,
    said: [failure.said, ...also].filter(Boolean).join('\n') || undefined,
  })
}

/** `default` only on a terminal of usable size that is neither CI's nor dumb; listr2 draws on stdout. */
export function chooseRenderer(): 'default' | 'verbose' {
  const { CI, TERM, NO_COLOR } = process.env
  const isTerminal = process.stdout.isTTY && process.stderr.isTTY
  const isSane = isTerminal && (process.stderr.columns ?? 0) >= 40 && (process.stderr.rows ?? 0) >= 5
  return isSane && !CI && TERM !== 'dumb' && NO_COLOR === undefined ? 'default' : 'verbose'
}
