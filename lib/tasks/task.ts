import type { HttpRequest } from '../net/http.ts'
import type { Command, Query } from '../shell/command.ts'

/** One field that differs. `before` is undefined when it was not set. */
export interface Field {
  name: string
  before?: string | undefined
  after: string
}

/** What lies between what is there and what the configuration wants. */
export type Difference =
  /** `hidden`: it looked, but what visitors get was behind the maintenance page. */
  | { state: 'ok'; reason: string; maskedByMaintenance?: boolean }
  | {
      state: 'create' | 'change'
      what: string
      fields?: Field[]
      effects: readonly (Command | HttpRequest | Query)[]
      /** Only the operator can do it: `apply` says so, and the run has not changed it. */
      manual?: true
    }
  /** `effects`: what would be run if it turned out to be needed. */
  | {
      state: 'unknown'
      why: string
      next?: string | undefined
      effects?: readonly (Command | HttpRequest | Query)[]
    }

/** What a dry run knows of the steps before this one; in a real run nothing lies ahead. */
export interface Ahead {
  /** Will this earlier step create or change something that is not there yet? */
  willChange(step: string): boolean
  /** Could this earlier step not tell what is there? */
  isUnknown(step: string): boolean
}

/** For a look outside of a plan. */
export const nothingAhead: Ahead = { willChange: () => false, isUnknown: () => false }

/** Says a line while a step runs; the second argument marks a tool's output, as the runner hands it on. */
export type Log = (line: string, from?: 'stdout' | 'stderr') => void

/** One line of the runbook: what is there, what differs, and how to mend it. */
export interface Task {
  id: string
  title: string
  /** Groups steps on the screen: which cloud. */
  part: 'prepare' | 'azure' | 'ionos' | 'together'
  /** Ids of the steps that must be done before this one starts. */
  after?: readonly string[]
  /** Looks only. Thrown errors end the run (a dry run turns those of exit code 3 and 4 into `unknown`). */
  inspect(ahead: Ahead): Promise<Difference>
  /** Mends the difference. Without it the difference's effects are run in order. */
  apply?(difference: Difference, tell: Log): Promise<void>
}

export const ok = (because: string, hidden = false): Difference => ({
  ...{ state: 'ok', reason: because },
  ...(hidden ? { maskedByMaintenance: hidden } : {}),
})
export const unknown = (why: string, next?: string): Difference => ({ state: 'unknown', why, next })

/** The same step; where a plan shows that the step it goes by could not tell, it cannot either. */
export const goingBy = (id: string, why: string, step: Task): Task => ({
  ...step,
  inspect: async (ahead) => (ahead.isUnknown(id) ? unknown(why) : step.inspect(ahead)),
})

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
