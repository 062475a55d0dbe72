import { type Verdict, worst } from '../command/verdict.ts'
import type { OpenContext } from '../deploy/context.ts'
import type { Seen } from '../health/look.ts'
import type { Observation } from '../health/probe.ts'
import type { Excluded, Look, Vantage } from '../history/sample.ts'
import type { Looked } from './ask.ts'
import type { Seen as Counted } from './confirm.ts'
import { type Explained, explain, workAt } from './planned.ts'
import { type Entry, maintenanceSince } from './record.ts'
import type { Store } from './store.ts'

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

/** What the look means: what work explains, what is a network problem between, and what is left. */
export async function judge(context: OpenContext, looked: Looked, store: Store): Promise<Judged> {
  const { here, vps } = vpsCompared(looked, await compared(looked))
  const { at } = here
  const networkDown = here.ownNetwork === 'down'
  const from = sinceOf(store)
  const work = networkDown
    ? { stretches: [] }
    : await workAt(context, here, { quick: !reachesVps(here), from })
  const explained = networkDown ? ownNetworkDown(here) : explain(here.observations, work)
  const left = here.observations.filter(({ probe }) => !explained?.ids.has(probe.id))
  const all = [...left, ...(vps?.observations.filter(({ probe }) => !explained?.ids.has(probe.id)) ?? [])]
  const wrong = left.some(({ verdict }) => verdict === 'WARNING' || verdict === 'CRITICAL')
  const excluded = explained && (networkDown || !wrong) ? explained.by : undefined
  const clean = context.runner.secrets.clean
  return {
    at,
    verdict: networkDown ? 'UNKNOWN' : all.length === 0 ? 'OK' : worst(all),
    observations: [here, ...(vps ? [vps] : [])].flatMap((seen) =>
      seen.observations.map((each) => ({
        from: seen.from,
        seen: each,
        planned: !networkDown && each.verdict !== 'OK' && (explained?.ids.has(each.probe.id) ?? false),
      })),
    ),
    ...(explained ? { explained: explained.why } : {}),
    ...(excluded ? { excluded } : {}),
    entry: {
      looks: [here, ...(vps ? [vps] : [])].map((seen) => lookOf(seen, excluded, clean)),
      stretches: work.stretches,
      seen: excluded ? undefined : left.map((each) => counted(each, clean)),
      maintenance: 'maintenance' in work && work.maintenance ? (from ?? at) : undefined,
    },
  }
}

const compared = async ({ here, vps }: Looked) =>
  vps ? (await import('../health/fromVps.ts')).compare(here, vps) : []

/** What one of the two gets is there: the other one's fault is between them, and no outage. A wrong answer is a fault. */
function vpsCompared(
  { here, vps }: Looked,
  disagreements: readonly { id: string; fails: Vantage; detail: string }[],
): Looked {
  const isWrong = (seen: Seen | undefined, id: string) =>
    seen?.observations.some(({ probe, verdict }) => probe.id === id && verdict === 'CRITICAL')
  const between = (seen: Seen, other: Seen | undefined): Seen => ({
    ...seen,
    observations: seen.observations.map((each) => {
      const found = disagreements.find(({ id, fails }) => id === each.probe.id && fails === seen.from)
      return found && !isWrong(other, found.id) ? { ...each, verdict: 'WARNING', detail: found.detail } : each
    }),
  })
  return { here: between(here, vps), ...(vps ? { vps: between(vps, here) } : {}) }
}

function ownNetworkDown({ observations }: Seen): Explained {
  const silent = observations.filter(({ silent }) => silent)
  const why =
    silent.find(({ verdict }) => verdict === 'UNKNOWN')?.detail ?? "this machine's own network is down"
  return { by: 'network', why, ids: new Set(silent.map(({ probe }) => probe.id)) }
}

/** Only where a probe has just got an answer from the VPS is it asked about deploys and maintenance. */
const reachesVps = ({ observations }: Seen): boolean =>
  observations.some(
    ({ probe, verdict }) => ['disk', 'stored-certificate'].includes(probe.id) && verdict !== 'UNKNOWN',
  )

function sinceOf({ history }: Store): number | undefined {
  try {
    return history && maintenanceSince(history)
  } catch {
    return undefined // the transaction that follows says what hinders
  }
}

const lookOf = (
  { at, from, observations }: Seen,
  excluded: Look['excluded'],
  clean: (text: string) => string,
): Look => ({
  at,
  from,
  samples: observations.map(({ probe, verdict, ms = null, detail }) => ({
    target: probe.id,
    verdict,
    ms,
    cause: causeOf(verdict, detail, clean),
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
