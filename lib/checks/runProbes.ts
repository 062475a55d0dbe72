import { setTimeout as pause } from 'node:timers/promises'
import { formatScriptLine } from '../config/pasteLine.ts'
import type { Context } from '../tasks/context.ts'
import { mapLimit } from '../util/concurrency.ts'
import { usageError } from '../util/errors.ts'
import { type Verdict, worstVerdict } from '../util/status.ts'
import { findNearest } from '../util/suggest.ts'
import { mayBeOwnNetwork, type OwnNetwork, ownNetwork } from './ownNetwork.ts'
import type { Observation, Probe } from './probe.ts'
import { certificateProbe } from './probes/certificate.ts'
import { clockProbe } from './probes/clock.ts'
import { dnsProbe } from './probes/dns.ts'
import { siteProbes } from './probes/site.ts'
import { type Target, targetProbe } from './probes/target.ts'
import { observe } from './runProbe.ts'

export type Origin = 'here' | 'vps'

export interface LookOptions {
  /** Only what needs no login: no az and no ssh is started. */
  quick: boolean
  /** Ids of probes and names of targets; undefined or empty: all. */
  only?: readonly string[] | undefined
  /** Further HTTP targets (targets.ts). */
  targets?: readonly Target[] | undefined
  /** `vps`: the HTTP probes alone, asked from there over ssh. Default: here. */
  from?: Origin | undefined
  signal: AbortSignal
}

/** What one look saw. */
export interface ProbeRun {
  /** Milliseconds since 1970 at which it began. */
  at: number
  from: Origin
  /** The worst; UNKNOWN when this machine's own network is down. */
  verdict: Verdict
  observations: Observation[]
  ownNetwork: OwnNetwork
}

/** As many extra targets are asked at a time. */
export const targetsAtOnce = 64
/** az and ssh keep this machine busy for seconds: they begin when the answers that are timed have come, or after this. */
const headStartMs = 1000

/**
 * Every probe that these options ask for, in the order they are shown. Throws (exit 2) for an id that is none, naming the
 * nearest right one.
 */
export async function listProbes(
  context: Context,
  { quick, only = [], targets = [], from = 'here' }: Omit<LookOptions, 'signal'>,
): Promise<Probe[]> {
  const web = [...siteProbes(context), certificateProbe(context)]
  const extra = targets.map((target) => targetProbe(context, target))
  if (from === 'vps') return chosen([...web, ...extra].map(withLongTimeout), only)
  const free = [...web, dnsProbe(context), clockProbe(context)]
  const full = async () => (await import('./probes/index.ts')).fullProbes(context)
  if (!quick) return chosen([...free, ...(await full()), ...extra], only)
  const all = [...free, ...extra]
  if (only.some((id) => !all.some((probe) => probe.id === id))) {
    const locked = (await full()).find(({ id }) => only.includes(id))
    if (locked)
      throw usageError(
        `--only ${locked.id} needs a login, and --quick uses none`,
        `Leave --quick out: ${formatScriptLine('health', '--only', only.join(','))}`,
      )
  }
  return chosen(all, only)
}

/** Over ssh: what the VPS waited for in vain it says itself; silence is of the way there. */
const withLongTimeout = (probe: Probe): Probe => ({ ...probe, timeoutMs: 45_000, silence: 'UNKNOWN' })

function chosen(probes: readonly Probe[], only: readonly string[]): Probe[] {
  if (only.length === 0) return [...probes]
  const ids = new Set(probes.map(({ id }) => id))
  const wanted = new Set(only)
  for (const id of wanted) {
    if (ids.has(id)) continue
    const meant = findNearest(id, [...ids])
    throw usageError(
      `--only ${id} is no probe of this look${meant ? `; did you mean ${meant}?` : ''}`,
      `There are: ${[...ids].join(', ')}.`,
    )
  }
  return probes.filter(({ id }) => wanted.has(id))
}

/**
 * Asks all probes at once; one that fails or hangs holds up no other, and itself no longer than its own time-out.
 * Throws (exit 2) for a wrong id, and what `signal` was aborted with.
 */
export async function look(context: Context, options: LookOptions): Promise<ProbeRun> {
  const { signal, from = 'here' } = options
  const asking = from === 'vps' ? (await import('./fromVps.ts')).asVps(context) : context
  const probes = await listProbes(asking, options)
  const at = Date.now()
  const ask = (probe: Probe) => observe(probe, signal)
  const first = Promise.all(probes.filter(({ group }) => group === 'web').map(ask))
  const then = Promise.race([first, pause(headStartMs, undefined, { ref: false })])
  const [web, core, targets] = await Promise.all([
    first,
    then.then(() => Promise.all(probes.filter(({ group }) => group === 'core').map(ask))),
    then.then(() =>
      mapLimit(
        targetsAtOnce,
        probes.filter(({ group }) => group === 'target'),
        ask,
      ),
    ),
  ])
  const observations = [...web, ...core, ...targets]
  // What the VPS saw came over ssh, which proves both ends.
  const { state, why } = await ownNetwork(
    context,
    from === 'vps' ? observations.map(({ unproven: _, plain: __, ...rest }) => rest) : observations,
  )
  if (state !== 'down')
    return { at, from, verdict: worstVerdict(observations), observations, ownNetwork: state }
  const detail = `this machine's own network is down (${why})`
  const known = observations.map(
    (each): Observation =>
      mayBeOwnNetwork(each)
        ? { probe: each.probe, took: each.took, verdict: 'UNKNOWN', detail, silent: true }
        : each,
  )
  return { at, from, verdict: 'UNKNOWN', observations: known, ownNetwork: state }
}
