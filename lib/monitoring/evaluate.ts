import type { Observation } from '../checks/check.ts'
import type { Disagreement } from '../checks/fromVps.ts'
import type { ProbeRun } from '../checks/health.ts'
import type { OpenContext } from '../deploy/context.ts'
import { type Verdict, worstVerdict } from '../util/status.ts'
import type { Collected } from './collect.ts'
import type { TargetStatus } from './incidentState.ts'
import { type Explanation, explain, findPlannedWork, type KnownMaintenance } from './plannedWork.ts'
import type { HistoryHandle } from './record.ts'
import { getNotedMaintenance, type RunRecord } from './record.ts'
import type { CheckRun, Excluded, Origin } from './store/types.ts'

/** A check run and its interpretation. */
export interface Evaluation {
  at: number
  /** The worst verdict among the observations that no planned work explains. */
  verdict: Verdict
  observations: readonly { from: Origin; seen: Observation; planned: boolean }[]
  /** Why some faults do not count, as text. */
  explained?: string
  /** Set when no fault that counts is left. */
  excluded?: Excluded
  entry: RunRecord
}

/**
 * Interprets a check run: what planned work explains, what is a network problem between two origins, and what
 * remains.
 *
 * @param quick do not open an ssh connection
 */
export async function evaluate(
  context: OpenContext,
  collected: Collected,
  store: HistoryHandle,
  quick: boolean,
): Promise<Evaluation> {
  const { here, vps } = applyDisagreements(collected, await findDisagreements(context, collected))
  const { at } = here
  const networkDown = here.ownNetwork === 'down'
  const work = networkDown
    ? { stretches: [] }
    : await findPlannedWork(context, here, {
        quick: quick || isSshFailing(here),
        noted: readNotedMaintenance(store),
      })
  const explained = networkDown ? explainOwnNetwork(here) : explain(here.observations, work)
  const left = here.observations.filter(({ probe }) => !explained?.ids.has(probe.id))
  const all = [...left, ...(vps?.observations.filter(({ probe }) => !explained?.ids.has(probe.id)) ?? [])]
  const wrong = left.some(({ verdict }) => isFault(verdict))
  const excluded = explained && (networkDown || !wrong) ? explained.by : undefined
  const clean = context.runner.secrets.clean
  const isPlanned = ({ verdict, probe }: Observation) =>
    !networkDown && verdict !== 'OK' && (explained?.ids.has(probe.id) ?? false)
  const counted = all.length === 0 ? 'OK' : worstVerdict(all)
  return {
    at,
    verdict: networkDown ? 'UNKNOWN' : counted,
    observations: [here, ...(vps ? [vps] : [])].flatMap((seen) =>
      seen.observations.map((each) => ({
        from: seen.from,
        seen: each,
        planned: isPlanned(each),
      })),
    ),
    ...(explained ? { explained: explained.why } : {}),
    ...(excluded ? { excluded } : {}),
    entry: {
      looks: [here, ...(vps ? [vps] : [])].map((seen) => toCheckRun(seen, { excluded, isPlanned, clean })),
      stretches: work.stretches,
      seen: excluded ? undefined : left.map((each) => toTargetStatus(each, clean)),
      maintenance: 'noted' in work ? work.noted : undefined,
    },
  }
}

const isFault = (verdict: Verdict): boolean => verdict === 'WARNING' || verdict === 'CRITICAL'

const findDisagreements = async ({ config }: OpenContext, { here, vps }: Collected) =>
  vps ? (await import('../checks/fromVps.ts')).compare(config, here, vps) : []

/**
 * Replaces the verdict of the origin that got no answer when the other origin got one. A wrong answer stays a fault.
 */
function applyDisagreements({ here, vps }: Collected, disagreements: readonly Disagreement[]): Collected {
  const isWrong = (seen: ProbeRun | undefined, id: string) =>
    seen?.observations.some(({ probe, verdict }) => probe.id === id && verdict === 'CRITICAL')
  const between = (seen: ProbeRun, other: ProbeRun | undefined): ProbeRun => ({
    ...seen,
    observations: seen.observations.map((each) => {
      const found = disagreements.find(({ id, fails }) => id === each.probe.id && fails === seen.from)
      return found && !isWrong(other, found.id)
        ? { ...each, verdict: found.verdict, detail: found.detail }
        : each
    }),
  })
  return { here: between(here, vps), ...(vps ? { vps: between(vps, here) } : {}) }
}

function explainOwnNetwork({ observations }: ProbeRun): Explanation {
  const silent = observations.filter(({ silent }) => silent)
  const why =
    silent.find(({ verdict }) => verdict === 'UNKNOWN')?.detail ?? "this machine's own network is down"
  return { by: 'network', why, ids: new Set(silent.map(({ probe }) => probe.id)) }
}

/** True when the probes that use ssh have just failed: the VPS is not waited for a second time. */
function isSshFailing({ observations }: ProbeRun): boolean {
  const asked = observations.filter(({ probe }) => probe.needs === 'ssh')
  return asked.length > 0 && asked.every(({ verdict }) => verdict === 'UNKNOWN')
}

function readNotedMaintenance({ history }: HistoryHandle): KnownMaintenance | undefined {
  try {
    return history && getNotedMaintenance(history)
  } catch {
    return undefined // the transaction that follows reports the error
  }
}

const toCheckRun = (
  { at, from, observations }: ProbeRun,
  {
    excluded,
    isPlanned,
    clean,
  }: {
    excluded: CheckRun['excluded']
    isPlanned(observation: Observation): boolean
    clean(text: string): string
  },
): CheckRun => ({
  at,
  from,
  samples: observations.map((each) => ({
    target: each.probe.id,
    verdict: each.verdict,
    ms: each.ms ?? null,
    cause: toCause(each.verdict, each.detail, clean),
    ...(isPlanned(each) ? { keptOut: true } : {}),
  })),
  ...(excluded ? { excluded } : {}),
})

const toTargetStatus = (each: Observation, clean: (text: string) => string): TargetStatus => ({
  target: each.probe.id,
  verdict: each.verdict,
  visible: each.probe.publicName !== undefined,
  cause: toCause(each.verdict, each.detail, clean),
})

const toCause = (verdict: Verdict, detail: string, clean: (text: string) => string): string =>
  verdict === 'OK' ? '' : clean(detail).replaceAll(/\s+/g, ' ').trim()
