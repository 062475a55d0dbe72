import { setTimeout as pause } from 'node:timers/promises'
import { formatKeyFile, formatScriptLine } from '../config/config.ts'
import type { VpsContext } from '../tasks/task.ts'
import { mapLimit } from '../util/concurrency.ts'
import { usageError } from '../util/errors.ts'
import { formatSuggestion } from '../util/suggest.ts'
import { type Verdict, worstVerdict } from '../util/verdict.ts'
import { type Check, type CheckContext, type Observation, select } from './check.ts'
import { mayBeOwnNetwork, type OwnNetwork, ownNetwork } from './ownNetwork.ts'
import { perServer } from './perServer.ts'
import { quickChecks } from './quickChecks.ts'
import { createQuickContext, observe, webTimeoutMs } from './run.ts'
import { type Target, targetCheck } from './site/target.ts'

export type Origin = 'here' | 'vps'

export interface RunOptions {
  /** Runs only checks that need no login, so neither az nor ssh is started. */
  quick: boolean
  /** Ids of checks and names of targets; undefined or empty: all. */
  only?: readonly string[] | undefined
  /** Additional HTTP targets (customTargets.ts). */
  targets?: readonly Target[] | undefined
  /** `vps`: only the HTTP checks, run from there over ssh. Default: here. */
  from?: Origin | undefined
  signal: AbortSignal
}

/** The result of one run of the health checks. */
export interface ProbeRun {
  /** Start time, milliseconds since 1970. */
  at: number
  from: Origin
  /** The worst verdict; UNKNOWN when this machine's own network is down. */
  verdict: Verdict
  observations: Observation[]
  ownNetwork: OwnNetwork
}

/** How many additional targets are checked at a time. */
export const targetsAtOnce = 64
/**
 * az and ssh keep this machine busy for seconds. They start when the timed answers have arrived, or after this time.
 */
const headStartMs = 1000

/**
 * Every check that these options select, in display order. Throws (exit 2) for an unknown id, naming the
 * nearest known one.
 */
export async function listProbes(options: Omit<RunOptions, 'signal'>): Promise<Check[]> {
  const { quick, only = [], targets = [], from = 'here' } = options
  const extra: Check[] = targets.map(targetCheck)
  if (from === 'vps') {
    const web: Check[] = quickChecks.filter(({ tags }) => tags.includes('from-vps'))
    return choose([...web, ...extra].map(withLongTimeout), only)
  }
  const all = async () => select((await import('./list.ts')).checks, 'health')
  if (!quick) return choose([...(await all()), ...extra], only)
  const free = [...quickChecks, ...extra]
  if (only.some((id) => !free.some((check) => check.id === id))) {
    const locked = (await all()).find(({ id, needs }) => needs !== 'nothing' && only.includes(id))
    if (locked)
      throw usageError(
        `--only ${locked.id} needs a login, but --quick uses none`,
        `Omit --quick: ${formatScriptLine('health', '--only', only.join(','))}`,
      )
  }
  return choose(free, only)
}

/** Over ssh, the VPS reports when it gets no answer, so silence means that the VPS itself cannot be reached. */
const withLongTimeout = (check: Check): Check => ({ ...check, timeoutMs: 45_000, silence: 'UNKNOWN' })

function choose(checks: readonly Check[], only: readonly string[]): Check[] {
  if (only.length === 0) return [...checks]
  const ids = [...new Set(checks.map(({ id }) => id))]
  const unknown = only.find((id) => !ids.includes(id))
  if (unknown === undefined) return checks.filter(({ id }) => only.includes(id))
  const what = `--only ${unknown} is not a check in this run${formatSuggestion(unknown, ids)}`
  throw usageError(what, `Checks in this run: ${ids.join(', ')}.`)
}

/**
 * Runs all checks in parallel. A check that fails or hangs delays no other; its own time limit ends it.
 * Throws (exit 2) for an unknown id, and throws the reason of `signal` when it is aborted.
 */
export async function runProbes(context: VpsContext, options: RunOptions): Promise<ProbeRun> {
  const { from = 'here' } = options
  const asking = from === 'vps' ? (await import('./fromVps.ts')).asVps(context) : context
  const listed = withoutUnknownHosts(context, await listProbes(options), options.only)
  const probes = perServer(context, listed)
  const checking = await createContext(asking, probes, options.signal)
  const at = Date.now()
  const run = (check: Check) => observe(check, checking)
  const isTarget = ({ tags }: Check) => tags.includes('target')
  const isQuick = (check: Check) => check.needs === 'nothing' && !isTarget(check)
  const first = Promise.all(probes.filter(isQuick).map(run))
  const then = Promise.race([first, pause(headStartMs, undefined, { ref: false })])
  const [web, loggedIn, targets] = await Promise.all([
    first,
    then.then(() => Promise.all(probes.filter(({ needs }) => needs !== 'nothing').map(run))),
    then.then(() => mapLimit(targetsAtOnce, probes.filter(isTarget), run)),
  ])
  const observations = [...web, ...loggedIn, ...targets]
  // What the VPS saw came over ssh, which authenticates both ends.
  const { state, why } = await ownNetwork(
    context,
    from === 'vps' ? observations.map(({ unproven: _, plain: __, ...rest }) => rest) : observations,
  )
  if (state !== 'down')
    return { at, from, verdict: worstVerdict(observations), observations, ownNetwork: state }
  const detail = `this machine's network is down or intercepted (${why})`
  // Without the authority of a proxy that intercepts TLS, no certificate is valid here.
  const next = /certificate/i.test(why)
    ? `If a proxy on this network intercepts TLS, set CA_FILE in ${formatKeyFile('CA_FILE')} to a PEM file with its authority.`
    : undefined
  const known = observations.map((each): Observation => {
    const { probe, took } = each
    return mayBeOwnNetwork(each) ? { probe, took, verdict: 'UNKNOWN', detail, next, silent: true } : each
  })
  return { at, from, verdict: 'UNKNOWN', observations: known, ownNetwork: state }
}

/**
 * Leaves out the checks of a host that Azure chose, if this machine has never seen it and the run may not ask Azure:
 * they would be UNKNOWN on every run. A check that is named in `only` stays.
 */
export function withoutUnknownHosts(
  { config }: VpsContext,
  probes: readonly Check[],
  only: readonly string[] = [],
): readonly Check[] {
  if (probes.some(({ needs }) => needs !== 'nothing')) return probes
  return probes.filter(({ id, host }) => only.includes(id) || !host || host(config) !== undefined)
}

/** For checks that need no login, no code for Azure and the database is loaded. */
async function createContext(context: VpsContext, probes: readonly Check[], signal: AbortSignal) {
  const options = { signal, timed: true, requestTimeoutMs: webTimeoutMs + 1000 }
  if (probes.every(({ needs }) => needs === 'nothing'))
    return createQuickContext(context, options) as CheckContext
  return (await import('./context.ts')).createCheckContext(context, { ...options, hurry: true })
}
