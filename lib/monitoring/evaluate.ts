import type { Disagreement } from '../checks/fromVps.ts'
import type { Observation } from '../checks/probe.ts'
import type { ProbeRun } from '../checks/runProbes.ts'
import type { OpenContext } from '../deploy/context.ts'
import { type Verdict, worstVerdict } from '../util/status.ts'
import type { Collected } from './collect.ts'
import type { Counted } from './incidentState.ts'
import { type Explained, explain, type Noted, workAt } from './plannedWork.ts'
import type { Store } from './record.ts'
import { type Entry, notedMaintenance } from './record.ts'
import type { Excluded, Look, Vantage } from './store/types.ts'

/** A look with what is known of it. */
export interface Judged {
  at: number
  /** Of what nothing explains. */
  verdict: Verdict
  observations: readonly { from: Vantage; seen: Observation; planned: boolean }[]
  /** Why faults do not count, in words. */
  explained?: string
  /** Nothing is left that counts. */
  excluded?: Excluded
  entry: Entry
}

/**
 * What the look means: what work explains, what is a network problem between, and what is left.
 *
 * @param quick no ssh may be opened for it
 */
export async function evaluate(
  context: OpenContext,
  looked: Collected,
  store: Store,
  quick: boolean,
): Promise<Judged> {
  const { here, vps } = vpsCompared(looked, await compared(context, looked))
  const { at } = here
  const networkDown = here.ownNetwork === 'down'
  const work = networkDown
    ? { stretches: [] }
    : await workAt(context, here, { quick: quick || sshFails(here), noted: notedIn(store) })
  const explained = networkDown ? ownNetworkDown(here) : explain(here.observations, work)
  const left = here.observations.filter(({ probe }) => !explained?.ids.has(probe.id))
  const all = [...left, ...(vps?.observations.filter(({ probe }) => !explained?.ids.has(probe.id)) ?? [])]
  const wrong = left.some(({ verdict }) => isFault(verdict))
  const excluded = explained && (networkDown || !wrong) ? explained.by : undefined
  const clean = context.runner.secrets.clean
  const isPlanned = ({ verdict, probe }: Observation) =>
    !networkDown && verdict !== 'OK' && (explained?.ids.has(probe.id) ?? false)
  return {
    at,
    verdict: networkDown ? 'UNKNOWN' : all.length === 0 ? 'OK' : worstVerdict(all),
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
      looks: [here, ...(vps ? [vps] : [])].map((seen) => lookOf(seen, { excluded, isPlanned, clean })),
      stretches: work.stretches,
      seen: excluded ? undefined : left.map((each) => counted(each, clean)),
      maintenance: 'noted' in work ? work.noted : undefined,
    },
  }
}

const isFault = (verdict: Verdict): boolean => verdict === 'WARNING' || verdict === 'CRITICAL'

const compared = async ({ config }: OpenContext, { here, vps }: Collected) =>
  vps ? (await import('../checks/fromVps.ts')).compare(config, here, vps) : []

/** What the one who gets no answer is told of the other, who gets one. A wrong answer is a fault. */
function vpsCompared({ here, vps }: Collected, disagreements: readonly Disagreement[]): Collected {
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

function ownNetworkDown({ observations }: ProbeRun): Explained {
  const silent = observations.filter(({ silent }) => silent)
  const why =
    silent.find(({ verdict }) => verdict === 'UNKNOWN')?.detail ?? "this machine's own network is down"
  return { by: 'network', why, ids: new Set(silent.map(({ probe }) => probe.id)) }
}

/** The probes that ask the VPS have just learnt nothing there: it is not waited for again. */
function sshFails({ observations }: ProbeRun): boolean {
  const asked = observations.filter(({ probe }) => ['disk', 'stored-certificate'].includes(probe.id))
  return asked.length > 0 && asked.every(({ verdict }) => verdict === 'UNKNOWN')
}

function notedIn({ history }: Store): Noted | undefined {
  try {
    return history && notedMaintenance(history)
  } catch {
    return undefined // the transaction that follows says what hinders
  }
}

const lookOf = (
  { at, from, observations }: ProbeRun,
  {
    excluded,
    isPlanned,
    clean,
  }: {
    excluded: Look['excluded']
    isPlanned(observation: Observation): boolean
    clean(text: string): string
  },
): Look => ({
  at,
  from,
  samples: observations.map((each) => ({
    target: each.probe.id,
    verdict: each.verdict,
    ms: each.ms ?? null,
    cause: causeOf(each.verdict, each.detail, clean),
    ...(isPlanned(each) ? { keptOut: true } : {}),
  })),
  ...(excluded ? { excluded } : {}),
})

const counted = (each: Observation, clean: (text: string) => string): Counted => ({
  target: each.probe.id,
  verdict: each.verdict,
  visible: each.probe.visible,
  cause: causeOf(each.verdict, each.detail, clean),
})

const causeOf = (verdict: Verdict, detail: string, clean: (text: string) => string): string =>
  verdict === 'OK' ? '' : clean(detail).replaceAll(/\s+/g, ' ').trim()
