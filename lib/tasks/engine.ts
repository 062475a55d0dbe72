import type { Runner } from '../shell/runner.ts'
import { exitCode, getMessage, isUnanswered, OpsError } from '../util/errors.ts'
import { type Ahead, type Difference, type Log, ok, type Task } from './task.ts'

export interface Outcome {
  step: Task
  /** `skipped`: not begun, because an earlier one failed or the operator interrupted. */
  state: Difference['state'] | 'failed' | 'skipped'
  difference?: Difference
  error?: unknown
  /** It failed, or was left, while it changed something: half of that may be done. */
  changing?: true
  /** Milliseconds since the start of the run. */
  started?: number
  ended?: number
}

/** Told while steps run; the screen listens. */
export interface Listener {
  begun(step: Task): void
  /** `from` is set when it is a tool's output, unset when it is the step's own word. */
  said(step: Task, line: string, from?: 'stdout' | 'stderr'): void
  ended(outcome: Outcome): void
}

export interface EngineOptions {
  mode: 'plan' | 'apply'
  runner: Runner
  listener?: Listener
  /** Aborted on the first Ctrl-C: steps that run go on to their end, no new one begins. */
  stopping: AbortSignal
  /** Aborted on the second: steps that run are left where they are. */
  signal?: AbortSignal
}

/**
 * Runs steps, each as soon as the steps it names in `after` are done: inspect, and in `apply` mode mend the difference.
 * The same list is the plan, the deploy, the resume and the run with nothing to do.
 * Never rejects for a failed step: its outcome carries the error. Steps named in `after` that are not in the list
 * count as done, so a script may run any part of the list.
 */
export async function executeTasks(steps: readonly Task[], options: EngineOptions): Promise<Outcome[]> {
  const origin = performance.now()
  const now = () => Math.round(performance.now() - origin)
  const outcomes = new Map<string, Outcome>()
  const running = new Map<string, Promise<Outcome>>()
  let broken = false
  const stopped = new Promise<never>((_, reject) => {
    options.signal?.addEventListener('abort', () => reject(options.signal?.reason), { once: true })
  })
  stopped.catch(() => {})

  const ahead: Ahead = {
    willChange(id) {
      const state = outcomes.get(id)?.state
      return options.mode === 'plan' && (state === 'create' || state === 'change' || state === 'unknown')
    },
    isUnknown: (id) => options.mode === 'plan' && outcomes.get(id)?.state === 'unknown',
  }

  function end(outcome: Outcome): Outcome {
    outcomes.set(outcome.step.id, outcome)
    if (outcome.state === 'failed') broken = true
    if (outcome.started !== undefined) {
      const { state, error, difference, started, ended } = outcome
      options.runner.transcript.write({
        kind: 'step',
        id: outcome.step.id,
        state,
        ms: (ended ?? 0) - started,
        ...(error ? { error: getMessage(error) } : {}),
        ...(difference && 'fields' in difference ? { fields: difference.fields } : {}),
      })
    }
    options.listener?.ended(outcome)
    return outcome
  }

  async function perform(step: Task): Promise<Outcome> {
    await Promise.all((step.after ?? []).map((id) => running.get(id)))
    if (broken || options.stopping.aborted) return end({ step, state: 'skipped' })
    const started = now()
    options.listener?.begun(step)
    let changing = false
    try {
      const found = await Promise.race([step.inspect(ahead), stopped])
      changing = options.mode === 'apply' && (found.state === 'create' || found.state === 'change')
      if (options.mode === 'apply') await Promise.race([apply(step, found, options), stopped])
      const byHand = options.mode === 'apply' && 'manual' in found
      const difference = byHand ? ok(found.what) : found
      return end({ step, state: difference.state, difference, started, ended: now() })
    } catch (error) {
      const difference = options.mode === 'plan' ? asUnknown(error) : undefined
      if (difference) return end({ step, state: 'unknown', difference, started, ended: now() })
      return end({ step, state: 'failed', error, ...(changing ? { changing } : {}), started, ended: now() })
    }
  }

  for (const step of inOrder(steps)) running.set(step.id, perform(step))
  return Promise.all(running.values())
}

async function apply(step: Task, difference: Difference, options: EngineOptions): Promise<void> {
  if (difference.state === 'ok') return
  if (difference.state === 'unknown') {
    throw new OpsError({ what: difference.why, next: difference.next, exitCode: exitCode.unknown })
  }
  const tell: Log = (line, from) => options.listener?.said(step, line, from)
  if (step.apply) return step.apply(difference, tell)
  for (const effect of difference.effects) {
    if ('url' in effect) await options.runner.request(effect)
    else if ('text' in effect) await options.runner.query(effect)
    else await options.runner.run(effect, tell)
  }
}

/** In a plan, a cloud that does not answer or does not know us is "cannot tell", not a failure. */
function asUnknown(error: unknown): Difference | undefined {
  if (!isUnanswered(error)) return undefined
  const { what, next } = error.failure
  return { state: 'unknown', why: what, next }
}

/** The steps so that each comes after those it waits for. Throws on a cycle: that is a mistake in the list. */
export function inOrder(steps: readonly Task[]): Task[] {
  const known = new Map(steps.map((step) => [step.id, step]))
  const placed = new Set<string>()
  const ordered: Task[] = []
  const place = (step: Task, path: readonly string[]) => {
    if (placed.has(step.id)) return
    if (path.includes(step.id))
      throw new Error(`steps wait for each other: ${[...path, step.id].join(' → ')}`)
    for (const id of step.after ?? []) {
      const earlier = known.get(id)
      if (earlier) place(earlier, [...path, step.id])
    }
    placed.add(step.id)
    ordered.push(step)
  }
  for (const step of steps) place(step, [])
  return ordered
}

/** The longest chain of dependent steps, by measured time: no schedule can be quicker. Milliseconds. */
export function criticalPath(outcomes: readonly Outcome[]): { ms: number; ids: string[] } {
  const byId = new Map(outcomes.map((outcome) => [outcome.step.id, outcome]))
  const known = new Map<string, { ms: number; ids: string[] }>()
  const chainTo = (outcome: Outcome): { ms: number; ids: string[] } => {
    const { id, after = [] } = outcome.step
    const already = known.get(id)
    if (already) return already
    const before = after
      .flatMap((name) => byId.get(name) ?? [])
      .map(chainTo)
      .sort((a, b) => b.ms - a.ms)[0] ?? { ms: 0, ids: [] }
    const chain = { ms: before.ms + getDuration(outcome), ids: [...before.ids, id] }
    known.set(id, chain)
    return chain
  }
  return outcomes.map(chainTo).sort((a, b) => b.ms - a.ms)[0] ?? { ms: 0, ids: [] }
}

export const getDuration = ({ started, ended }: Outcome): number => (ended ?? 0) - (started ?? 0)
