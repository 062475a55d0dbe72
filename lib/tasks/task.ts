import type { HttpRequest } from '../net/http.ts'
import type { Command, Query } from '../shell/command.ts'

/** One field that differs. `before` is undefined when it was not set. */
export interface Field {
  name: string
  before?: string | undefined
  after: string
}

/** What a task runs to change something. */
export type TaskEffect = Command | HttpRequest | Query

/** Something is to be created or changed. */
export interface Change<Fact = unknown> {
  state: 'create' | 'change'
  what: string
  fields?: Field[]
  /** The engine runs them in order. */
  effects: readonly TaskEffect[]
  /** Only the operator can do it: `afterAll` says so, and the run has not changed it. */
  manual?: true
  fact?: Fact
}

/** The effect that runs, and the change it belongs to. */
export interface CurrentEffect<Fact = unknown> {
  /** Undefined before the first one, and where `apply` takes their place. */
  effect?: TaskEffect
  /** Its place among the effects. */
  index: number
  change: Change<Fact>
}

/** What lies between what is there and what the configuration wants. `fact` is for the tasks that follow. */
export type Difference<Fact = unknown> =
  /** `maskedByMaintenance`: it looked, but what visitors get was behind the maintenance page. */
  | { state: 'ok'; reason: string; maskedByMaintenance?: boolean; fact?: Fact }
  | Change<Fact>
  /** `effects`: what would run if it turned out to be needed. */
  | {
      state: 'unknown'
      why: string
      next?: string | undefined
      effects?: readonly TaskEffect[]
      fact?: Fact
    }

/**
 * What is known of earlier tasks. A task may ask only about those it waits for; one that a list leaves out is
 * undefined, and changes nothing.
 */
export interface Ahead {
  /** In a plan: will this task create or change something that is not there yet? In a real run nothing lies ahead. */
  willChange(task: Task | undefined): boolean
  /** In a plan: could this task not tell what is there? */
  isUnknown(task: Task | undefined): boolean
  /** What the task found or made. In a plan, where it could not tell, whoever asks cannot tell either. */
  fact<Fact>(task: Task<Fact>): Fact
}

/** For a look outside of a list. */
export const nothingAhead: Ahead = {
  willChange: () => false,
  isUnknown: () => false,
  fact: (task) => {
    throw new Error(`${task.id} was not run`)
  },
}

/** Knows the fact of one task, where another is performed outside of a list. */
export const knowing = <Fact>(task: Task<Fact>, fact: Fact): Ahead => ({
  ...nothingAhead,
  fact: <Other>(asked: Task<Other>): Other =>
    (asked as Task) === task ? (fact as unknown as Other) : nothingAhead.fact(asked),
})

/** Logs a line while a task runs; the second argument marks a tool's output, as the runner hands it on. */
export type Log = (line: string, from?: 'stdout' | 'stderr') => void

/**
 * One line of the runbook: `inspect` gives the difference, the engine runs its effects, the hooks say what comes around
 * them. Facts travel as return values: `inspect` gives one with the difference, `afterAll` and `apply` may replace it.
 */
export interface Task<Fact = unknown> {
  id: string
  title: string
  /** Groups tasks on the screen: which cloud. Those of `prepare` do not wait for the deploy lock. */
  part: 'prepare' | 'azure' | 'ionos' | 'together'
  /** The tasks that must be done before this one starts. Each must be in the same list; undefined is a part left out. */
  after?: readonly (Task | undefined)[]
  /** Looks only. Thrown errors end the run (a dry run turns those of exit code 3 and 4 into `unknown`). */
  inspect(ahead: Ahead): Promise<Difference<Fact>>
  /** Just before an effect; what it gives is handed to `afterEach`. */
  beforeEach?(current: CurrentEffect<Fact>, log: Log): Promise<unknown>
  /** As soon as an effect has succeeded: wait until it is in force, for example. */
  afterEach?(current: CurrentEffect<Fact>, before: unknown, log: Log): Promise<void>
  /** When all effects have succeeded. */
  afterAll?(change: Change<Fact>, log: Log): Promise<Fact | undefined>
  /** Instead of the effects, where what must run shows only on the way; the effects are then what a plan can know of it. */
  apply?(change: Change<Fact>, log: Log): Promise<Fact | undefined>
  /** When an effect or a hook has failed: gives the error to report. */
  onFailure?(thrown: unknown, current: CurrentEffect<Fact>, log: Log): Promise<unknown>
  /** At the end of a change, whatever came of it. */
  always?(): void
  /** Throws when what was changed does not work; the fact stays known. */
  verify?(fact: Fact | undefined, log: Log): Promise<void>
}

export const ok = (because: string, hidden = false) => ({
  ...{ state: 'ok' as const, reason: because },
  ...(hidden ? { maskedByMaintenance: hidden } : {}),
})
export const unknown = (why: string, next?: string): Difference<never> => ({ state: 'unknown', why, next })

/** The fields that differ, as texts. */
export function differing(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Field[] {
  return Object.entries(after)
    .filter(([name, value]) => String(before[name] ?? '') !== String(value))
    .map(([name, value]) => ({
      name,
      before: before[name] === undefined || before[name] === null ? undefined : String(before[name]),
      after: String(value),
    }))
}
