import { usageError } from '../command/errors.ts'
import { queue } from '../command/queue.ts'
import { judgedFailure, type Verdict, worst } from '../command/verdict.ts'
import { nearest } from '../config/nearest.ts'
import type { Context } from '../steps/context.ts'
import { type OwnNetwork, ownNetwork } from './neutral.ts'
import type { Observation, Probe, Reading } from './probe.ts'
import { certificateProbe } from './probes/certificate.ts'
import { clockProbe } from './probes/clock.ts'
import { dnsProbe } from './probes/dns.ts'
import { siteProbes } from './probes/site.ts'

export interface LookOptions {
  /** Only what needs no login: no az and no ssh is started. */
  quick: boolean
  /** Ids of probes; undefined or empty: all. */
  only?: readonly string[] | undefined
  signal: AbortSignal
}

/** What one look saw. */
export interface Seen {
  /** Milliseconds since 1970 at which it began. */
  at: number
  /** The worst; UNKNOWN when this machine's own network is down. */
  verdict: Verdict
  observations: Observation[]
  ownNetwork: OwnNetwork
}

/** Every probe that these options ask for, in the order they are shown. Throws (exit 2) for an id that is none. */
export async function probesOf(
  context: Context,
  options: Pick<LookOptions, 'quick' | 'only'>,
): Promise<Probe[]> {
  const probes = [...siteProbes(context), dnsProbe(context), certificateProbe(context), clockProbe(context)]
  return chosen(probes, options.only ?? [])
}

function chosen(probes: readonly Probe[], only: readonly string[]): Probe[] {
  if (only.length === 0) return [...probes]
  const ids = probes.map(({ id }) => id)
  for (const id of only) {
    if (ids.includes(id)) continue
    const meant = nearest(id, ids)
    throw usageError(
      `--only ${id} is no probe${meant ? `; did you mean ${meant}?` : ''}`,
      `There are: ${ids.join(', ')}.`,
    )
  }
  return probes.filter(({ id }) => only.includes(id))
}

/** Asks all probes at once; one that fails or hangs holds up no other longer than its own time-out. */
export async function look(context: Context, options: LookOptions): Promise<Seen> {
  const probes = await probesOf(context, options)
  const at = Date.now()
  const turn = queue(64)
  const observations = await Promise.all(probes.map((probe) => turn(() => observe(probe, options.signal))))
  const { state, why } = await ownNetwork(
    context,
    observations,
    observations.filter(({ probe }) => probe.quick),
  )
  if (state !== 'down') return { at, verdict: worst(observations), observations, ownNetwork: state }
  const detail = `this machine's own network is down (${why})`
  const unknown = observations.map((each): Observation => {
    if (!each.silent) return each
    const { probe, took } = each
    return { probe, took, verdict: 'UNKNOWN', detail, silent: true }
  })
  return { at, verdict: 'UNKNOWN', observations: unknown, ownNetwork: state }
}

/** One probe's verdict, after its time-out at the latest. Rejects only when the whole look is stopped. */
async function observe(probe: Probe, stop: AbortSignal): Promise<Observation> {
  stop.throwIfAborted()
  const started = performance.now()
  const ends = new AbortController()
  const over = Promise.withResolvers<Reading>()
  const timer = setTimeout(() => {
    const detail = `no answer within ${probe.timeoutMs / 1000} s`
    over.resolve({ verdict: probe.silence, detail, silent: true })
    ends.abort()
  }, probe.timeoutMs)
  const stopped = () => {
    over.reject(stop.reason)
    ends.abort()
  }
  stop.addEventListener('abort', stopped, { once: true })
  try {
    const asked = probe
      .ask(ends.signal)
      .catch((thrown): Reading => ({ ...judgedFailure(thrown), verdict: 'UNKNOWN' }))
    const reading = await Promise.race([over.promise, asked])
    return { probe, ...reading, took: Math.round(performance.now() - started) }
  } finally {
    clearTimeout(timer)
    stop.removeEventListener('abort', stopped)
  }
}
