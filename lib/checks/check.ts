import type { Arm } from '../azure/arm.ts'
import type { Azure } from '../azure/client.ts'
import type { Config, Limits } from '../config/config.ts'
import type { Phases } from '../net/http.ts'
import type { Context, VpsContext } from '../tasks/task.ts'
import { usageError } from '../util/errors.ts'
import { formatSuggestion } from '../util/suggest.ts'
import { type Finding, type Judged, type Verdict, worstVerdict } from '../util/verdict.ts'
import type { DatabaseSources } from './database/facts.ts'

/** The scripts that run checks. `acceptance` is what the rehearsal checks in addition to `verify`. */
export type Selection = 'health' | 'doctor' | 'verify' | 'acceptance' | 'check-database'

/** The values of `doctor --only`, in the order in which doctor shows them. */
export const categories = [
  'tools',
  'login',
  'quota',
  'data-tier',
  'dns',
  'ports',
  'vps',
  'clock',
  'certificate',
  'retirement',
] as const
export type Category = (typeof categories)[number]

/** The categories of `--only a,b`; all without it. Throws (exit 2) and suggests the nearest one. */
export function chosenCategories(only: string | undefined): readonly Category[] {
  if (only === undefined) return categories
  return only.split(',').map((word) => {
    const name = word.trim()
    const found = categories.find((category) => category === name)
    if (found) return found
    const what = `--only ${name} is not a category${formatSuggestion(name, categories)}`
    throw usageError(what, `Categories: ${categories.join(', ')}.`)
  })
}

export type Tag =
  | Selection
  | Category
  /** Verify runs it only when the deploy includes this cloud. */
  | 'azure'
  | 'ionos'
  /** Requests the pages themselves, which a frontend release can break. */
  | 'pages'
  /** `health --from vps` runs it on the VPS. */
  | 'from-vps'
  /** The site counts as down while this check fails. */
  | 'site'
  /** About one server although it needs no ssh (perServer.ts). */
  | 'each-server'
  /** A target from the operator's own file (`--targets`). */
  | 'target'

/** The context of a check that needs no login. `health --quick` loads nothing else. */
export interface QuickContext {
  readonly context: VpsContext
  readonly now: Date
  /** Aborted when the result is no longer needed. */
  readonly signal: AbortSignal
  /** Time-out of an HTTP request, in milliseconds. */
  readonly requestTimeoutMs: number
  /** Whether a slow response is a fault (HEALTH_STATIC_MS, HEALTH_API_MS). If not, only a wrong one is. */
  readonly timed: boolean
  /** Whether an empty list from the API is a fault, because the site has just been set up with its first data. */
  readonly filled: boolean
  /** The server that requests to the site go to. Default: whichever DNS names. */
  readonly address?: string
}

/** The context of all other checks. Each fact is read once, no matter how many checks need it. */
export interface CheckContext extends QuickContext {
  /** The context for az and the database. In `health` their commands end early and are not retried. */
  readonly azContext: Context
  readonly azure: Azure
  readonly arm: Arm
  redisKey(): Promise<string>
  readonly database: DatabaseSources
}

/** One read-only question about the deployment or this machine. (`worker-job` alone changes data.) */
export interface Check<Needs = CheckContext> {
  /** Public: the name in performance data, history, receipts and `--json`. Unique within a selection. */
  id: string
  title: string
  tags: readonly Tag[]
  /** az: Azure's login, or a secret of the data tier. */
  needs: 'nothing' | 'az' | 'ssh'
  /** A different name in one selection, kept because operators' scripts rely on it. */
  aliases?: { readonly [Name in Selection]?: { id: string; title: string } }
  /** The name on the status page. Only checks that visitors notice have one; their outages rank highest. */
  publicName?: string
  /** Fails while the maintenance page hides the site. */
  hiddenByMaintenance?: boolean
  /** False if an answer does not show that this machine's own network works, because it may come from this machine. */
  showsNetwork?: boolean
  /** The host that it requests over HTTP, if it is known. */
  host?(config: Config): string | undefined
  /** How long a response may take, in ms (HEALTH_STATIC_MS, HEALTH_API_MS). */
  limits?(config: Config): Limits
  /** Time limit in `health`, in milliseconds. Default: 10 s for a check without a login, otherwise 30 s. */
  timeoutMs?: number
  /**
   * The verdict after that time. Default: CRITICAL for a check without a login (visitors get no answer either),
   * otherwise UNKNOWN.
   */
  silence?: 'CRITICAL' | 'UNKNOWN'
  /** What to do about a WARNING or CRITICAL if the result itself does not say. */
  advice?: string | ((result: Judged) => string | undefined)
  /** Throws when the state cannot be determined, or an OpsError that says what is wrong. */
  run(context: Needs): Promise<Result>
}

/** A measured value, as performance data names it. */
export interface Figure {
  /** `static`, `certificate`, `queue_jobs` … */
  name: string
  value: number
  /** As in the Monitoring Plugins' guidelines; '' for a plain number. */
  unit: '' | 'ms' | 's' | '%' | 'B' | 'c'
  limits?: Limits
}

export interface Result extends Judged {
  /** Milliseconds until the whole answer arrived; absent when nothing was timed, or no answer came. */
  ms?: number
  phases?: Phases
  figures?: readonly Figure[]
  /** There was no answer at all; this machine's own network could be the reason. */
  silent?: true
  /** The answer does not prove who sent it; something in between could be the reason. */
  unproven?: true
  /** Plain HTTP without anything specific to the other side; anything in between can answer like this. */
  plain?: true
  /** The site itself announces maintenance: our page, or the API's answer. */
  maintenance?: true
  /** Findings to show instead of this one, for example one per table. */
  findings?: readonly Finding[]
}

/** A check without `run`: what a report needs. */
export type CheckInfo = Omit<Check, 'run'>

export interface Observation extends Result {
  probe: CheckInfo
  /** Milliseconds from the start to the verdict. */
  took: number
}

export const pass = (detail: string): Result => ({ verdict: 'OK', detail })
export const warn = (detail: string, next?: string): Result => ({ verdict: 'WARNING', detail, next })
export const fail = (detail: string, next?: string): Result => ({ verdict: 'CRITICAL', detail, next })
export const unknown = (detail: string, next?: string): Result => ({ verdict: 'UNKNOWN', detail, next })

/** Combines results: the worst verdict, and the details of what is wrong (of everything when nothing is). */
export function combine(parts: readonly Judged[]): Result {
  const verdict = worstVerdict(parts)
  const shown = parts.filter((each) => verdict === 'OK' || each.verdict !== 'OK')
  return { verdict, detail: shown.map(({ detail }) => detail).join('; ') }
}

/** The checks of a selection, under their names in it. */
export function select<Each extends Check<never>>(checks: readonly Each[], selection: Selection): Each[] {
  return checks
    .filter(({ tags }) => tags.includes(selection))
    .map((check) => ({ ...check, ...check.aliases?.[selection] }))
}

/** The advice of the result, otherwise of the check. UNKNOWN gets only its own. */
export function getAdvice({ advice }: Pick<Check, 'advice'>, result: Judged): string | undefined {
  const wrong = result.verdict === 'WARNING' || result.verdict === 'CRITICAL'
  if (result.next || !wrong) return result.next
  return typeof advice === 'function' ? advice(result) : advice
}

/** A value that equals a limit has reached it: 500 ms is a WARNING where the limit is 500. */
export function byLimits(value: number, { warning, critical }: Limits): Verdict {
  if (value >= critical) return 'CRITICAL'
  return value >= warning ? 'WARNING' : 'OK'
}

/** The same for values where less is worse. A value that equals a limit is still within it. */
export function byLowLimits(value: number, { warning, critical }: Limits): Verdict {
  if (value < critical) return 'CRITICAL'
  return value < warning ? 'WARNING' : 'OK'
}
