import type { Observation } from '../checks/check.ts'
import type { Disagreement } from '../checks/fromVps.ts'
import type { ProbeRun } from '../checks/health.ts'
import type { OpenContext } from '../deploy/context.ts'
import { type Verdict, worstVerdict } from '../util/verdict.ts'
import type { Collected } from './health.ts'
import type { TargetStatus } from './incidentState.ts'
import {
  type Explanation,
  explain,
  findPlannedWork,
  type KnownMaintenance,
  type PlannedWork,
} from './plannedWork.ts'
import { getNotedMaintenance, type HistoryHandle, type RunRecord } from './record.ts'
import type { Excluded, Origin } from './store/store.ts'

export interface Evaluation {
  at: number
  /** The worst verdict among the observations that no planned work explains. */
  verdict: Verdict
  observations: readonly { from: Origin; seen: Observation; planned: boolean }[]
  explained?: string
  excluded?: Excluded
  entry: RunRecord
}

/** Separates planned work and network problems between origins from faults. `quick` opens no ssh connection. */
export async function evaluate(
  context: OpenContext,
  collected: Collected,
  store: HistoryHandle,
  quick: boolean,
): Promise<Evaluation> {
  const { here, vps } = applyDisagreements(collected, await findDisagreements(context, collected))
  const { at } = here
  const networkDown = here.ownNetwork === 'down'
  const asked = { quick: quick || isSshFailing(here), noted: readNotedMaintenance(store) }
  const work: PlannedWork = networkDown ? { stretches: [] } : await findPlannedWork(context, here, asked)
  const explained = networkDown ? explainOwnNetwork(here) : explain(here.observations, work)
  const isExplained = ({ probe }: Observation) => explained?.ids.has(probe.id) ?? false
  const isPlanned = (each: Observation) => !networkDown && each.verdict !== 'OK' && isExplained(each)
  const runs = vps ? [here, vps] : [here]
  const left = here.observations.filter((each) => !isExplained(each))
  const all = runs.flatMap(({ observations }) => observations).filter((each) => !isExplained(each))
  const wrong = left.some(({ verdict }) => verdict === 'WARNING' || verdict === 'CRITICAL')
  const excluded = explained && (networkDown || !wrong) ? explained.by : undefined
  const { clean } = context.runner.secrets
  const counted = all.length === 0 ? 'OK' : worstVerdict(all)
  return {
    at,
    verdict: networkDown ? 'UNKNOWN' : counted,
    observations: runs.flatMap(({ from, observations }) =>
      observations.map((seen) => ({ from, seen, planned: isPlanned(seen) })),
    ),
    ...(explained ? { explained: explained.why } : {}),
    ...(excluded ? { excluded } : {}),
    entry: {
      runs: runs.map((run) => ({
        ...{ at: run.at, from: run.from },
        samples: run.observations.map((each) => ({
          ...toTargetStatus(each, clean),
          ms: each.ms ?? null,
          ...(isPlanned(each) ? { keptOut: true } : {}),
        })),
        ...(excluded ? { excluded } : {}),
      })),
      stretches: work.stretches,
      seen: excluded ? undefined : left.map((each) => toTargetStatus(each, clean)),
      maintenance: work.noted,
    },
  }
}

const findDisagreements = async ({ config }: OpenContext, { here, vps }: Collected) =>
  vps ? (await import('../checks/fromVps.ts')).compare(config, here, vps) : []

/** Replaces the verdict of an origin without an answer when the other origin got one. A wrong answer stays a fault. */
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
    silent.find(({ verdict }) => verdict === 'UNKNOWN')?.detail ??
    "this machine's network is down or intercepted"
  return { by: 'network', why, ids: new Set(silent.map(({ probe }) => probe.id)) }
}

/** True when the probes that use ssh have just failed, so that nothing waits for the VPS a second time. */
function isSshFailing({ observations }: ProbeRun): boolean {
  const asked = observations.filter(({ probe }) => probe.needs === 'ssh')
  return asked.length > 0 && asked.every(({ verdict }) => verdict === 'UNKNOWN')
}

function readNotedMaintenance({ history }: HistoryHandle): KnownMaintenance | undefined {
  try {
    return history && getNotedMaintenance(history)
  } catch {
    return undefined // The transaction that follows reports the error.
  }
}

const toTargetStatus = (
  { probe, verdict, detail }: Observation,
  clean: (text: string) => string,
): TargetStatus => ({
  target: probe.id,
  verdict,
  visible: probe.publicName !== undefined,
  cause: verdict === 'OK' ? '' : clean(detail).replaceAll(/\s+/g, ' ').trim(),
})
