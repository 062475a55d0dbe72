import { isIP } from 'node:net'
import type { Config, Server } from '../config/config.ts'
import type { HttpRequest } from '../net/http.ts'
import type { Command, Query } from '../shell/command.ts'
import type { Runner } from '../shell/runner.ts'

export interface Context {
  readonly config: Config
  readonly runner: Runner
}

/** The context of what acts on a VPS. */
export interface VpsContext extends Context {
  readonly server: Server
}

/** One field that differs. `before` is undefined if it was not set. */
export interface Field {
  name: string
  before?: string | undefined
  after: string
}

export type TaskEffect = Command | HttpRequest | Query

export interface Change<Fact = unknown> {
  state: 'create' | 'change'
  what: string
  fields?: Field[]
  /** The engine runs them in order. */
  effects: readonly TaskEffect[]
  /** Only the operator can make this change: `afterAll` explains how, and the run changes nothing. */
  manual?: true
  fact?: Fact
}

/** The effect that runs, and the change it belongs to. */
export interface CurrentEffect<Fact = unknown> {
  /** Undefined before the first one, and where `apply` replaces the effects. */
  effect?: TaskEffect
  /** Its index among the effects. */
  index: number
  change: Change<Fact>
}

/** The difference between what exists and what the configuration wants. `fact` is for the tasks that follow. */
export type Difference<Fact = unknown> =
  /** `maskedByMaintenance`: the checks saw the maintenance page instead of the site. */
  | { state: 'ok'; reason: string; maskedByMaintenance?: boolean; fact?: Fact }
  | Change<Fact>
  /** `effects` are the commands that would run if they are needed. */
  | {
      state: 'unknown'
      why: string
      next?: string | undefined
      effects?: readonly TaskEffect[]
      fact?: Fact
    }

/**
 * What is known about the tasks that a task waits for; it may query only these. Undefined stands for a task that the
 * list omits.
 */
export interface Ahead {
  /** In a plan: whether this task will create or change something. Always false in a real run. */
  willChange(task: Task | undefined): boolean
  /** In a plan: whether this task could not determine what exists. */
  isUnknown(task: Task | undefined): boolean
  /** What the task found or created. Throws (exit 3) in a plan when the task could not determine it. */
  fact<Fact>(task: Task<Fact>): Fact
}

/** For an inspection outside a list. */
export const nothingAhead: Ahead = {
  willChange: () => false,
  isUnknown: () => false,
  fact: (task) => {
    throw new Error(`${task.id} did not run`)
  },
}

/** Provides the fact of one task to another one that runs outside a list. */
export const knowing = <Fact>(task: Task<Fact>, fact: Fact): Ahead => ({
  ...nothingAhead,
  fact: <Other>(asked: Task<Other>): Other =>
    (asked as Task) === task ? (fact as unknown as Other) : nothingAhead.fact(asked),
})

/** Logs a line while a task runs. The second argument marks the output of a tool, as the runner passes it on. */
export type Log = (line: string, from?: 'stdout' | 'stderr') => void

/**
 * One entry of a task list: `inspect` returns the difference, the engine runs its effects, and the hooks say what
 * happens before and after them. Facts travel as return values: `inspect` returns one with the difference, and
 * `afterAll` and `apply` may replace it.
 */
export interface Task<Fact = unknown> {
  id: string
  title: string
  /** The group on the screen: which cloud. Tasks of the part `prepare` do not wait for the deploy lock. */
  part: 'prepare' | 'azure' | 'ionos' | 'together'
  /**
   * The tasks that must be done before this one starts. Each must be in the same list; undefined stands for
   * an omitted part.
   */
  after?: readonly (Task | undefined)[]
  /** Only reads. An error ends the run; a dry run turns an error with exit code 3 or 4 into `unknown`. */
  inspect(ahead: Ahead): Promise<Difference<Fact>>
  /** Runs just before an effect; `afterEach` receives its result. */
  beforeEach?(current: CurrentEffect<Fact>, log: Log): Promise<unknown>
  /** Runs just after an effect, for example to wait until it has taken effect. */
  afterEach?(current: CurrentEffect<Fact>, before: unknown, log: Log): Promise<void>
  /** Runs when all effects have succeeded. */
  afterAll?(change: Change<Fact>, log: Log): Promise<Fact | undefined>
  /**
   * Runs instead of the effects where each command depends on the result of another. A plan shows the known effects.
   */
  apply?(change: Change<Fact>, log: Log): Promise<Fact | undefined>
  /** Runs when an effect or a hook has failed; returns the error to report. */
  onFailure?(thrown: unknown, current: CurrentEffect<Fact>, log: Log): Promise<unknown>
  /** Runs at the end of a change, successful or not. */
  always?(): void
  /** Throws when the change does not work; the fact remains available. */
  verify?(fact: Fact | undefined, log: Log): Promise<void>
}

export const ok = (because: string, hidden = false) => ({
  ...{ state: 'ok' as const, reason: because },
  ...(hidden ? { maskedByMaintenance: hidden } : {}),
})
export const unknown = (why: string, next?: string): Difference<never> => ({ state: 'unknown', why, next })

/** The fields that differ, as strings. */
export function differing(...fields: (readonly [name: string, before: unknown, after: unknown])[]): Field[] {
  const toText = (value: unknown) => (value === undefined || value === null ? undefined : String(value))
  return fields
    .map(([name, before, after]) => ({ name, before: toText(before), after: String(after) }))
    .filter(({ before = '', after }) => before !== after)
}

/** The same context for every server of the site, the first one first. */
export const eachServer = (context: VpsContext): VpsContext[] =>
  context.config.servers.map((server) => ({ ...context, server }))

/** ` (b.example)` where a message must say which server it is about; '' where there is only one. */
export const formatServer = ({ config, server }: VpsContext): string =>
  config.servers.length > 1 ? ` (${server.address})` : ''

/** Sends a request for the site to this server where DNS names several. */
export const toServer = ({ config, server }: VpsContext): Pick<HttpRequest, 'address'> =>
  config.servers.length > 1 && isIP(server.publicIp) ? { address: server.publicIp } : {}

/**
 * The task or tasks of `list` for every server, in the order of the servers. Those of the first one have the ids that
 * existing receipts contain; the ids and titles of the others also name their server.
 */
export const onEachServer = <Each extends Task>(
  context: VpsContext,
  list: (context: VpsContext, index: number) => Each | readonly Each[],
): Each[] =>
  eachServer(context).flatMap((each, index) => {
    const tasks = [list(each, index)].flat() as Each[]
    for (const task of index > 0 ? tasks : []) {
      task.id += `@${each.server.address}`
      task.title += formatServer(each)
    }
    return tasks
  })
