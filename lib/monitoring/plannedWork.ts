import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import type { Observation } from '../checks/check.ts'
import { frontPage } from '../checks/site/pages.ts'
import type { Receipt } from '../deploy/receipts/receipts.ts'
import type { VpsContext } from '../tasks/task.ts'
import type { Excluded, Planned } from './store/store.ts'

/** A maintenance window that an earlier run has seen, as recorded for the next one. */
export interface KnownMaintenance {
  /** Its id among the planned periods: the time at which it was first seen. */
  id: string
  /** Milliseconds since 1970: its start, and when a run last saw it. */
  from: number
  to: number
}

/** Planned work that is known when a run is evaluated. */
export interface PlannedWork {
  /** Planned periods for the history, including those that overlap this run. */
  stretches: Planned[]
  maintenance?: string | undefined
  /** What to record about it for the next run; `over`: there is none. undefined when this run cannot tell. */
  noted?: KnownMaintenance | 'over' | undefined
  /** A description of a deploy that is running, or that ended during the check. */
  deploy?: string | undefined
}

/** Why some faults do not count, and which ones. */
export interface Explanation {
  by: Excluded
  why: string
  ids: ReadonlySet<string>
}

/** Scripts that take the deploy lock and change nothing that visitors notice; maintenance has its own marker. */
const harmless = ['build-image', 'maintenance-mode']
/** Tasks that change only what is not in use yet: new images and pages, marks, local files. */
const unused = ['image', 'frontend-build', 'frontend-upload', 'mark-bad', 'clear-bad', 'save', 'status-page']
/**
 * A deploy that runs longer than this is stuck: it no longer explains a fault, neither while it runs nor afterwards.
 */
const maxDeployMs = 90 * 60_000
/** How long a change may take to settle after a deploy. */
const graceMs = 5_000
/** The marker's time comes from an operator's clock, a run's from this machine's. */
const maxClockSkewMs = 60_000
/**
 * After this long without a sighting, a maintenance page belongs to another maintenance window. No sample is valid
 * longer.
 */
const forgetAfterMs = 3 * 3_600_000
const receiptsRead = 20

/**
 * Finds planned work. Quick: from this machine's receipts and the site's own answer, without ssh. Otherwise it also
 * asks the VPS: its receipts cover every operator, its marker shows whether and since when maintenance is on, whatever
 * the site answers, and its lock shows who is deploying. Sources that do not answer explain nothing.
 * @param noted the maintenance window that an earlier run saw
 */
export async function findPlannedWork(
  context: VpsContext,
  check: { at: number; observations: readonly Observation[] },
  { quick, noted }: { quick: boolean; noted: KnownMaintenance | undefined },
): Promise<PlannedWork> {
  const well = check.observations.every(({ verdict }) => verdict === 'OK')
  const [receipts, marker, holder] = await Promise.all([
    readReceipts(context, quick),
    quick ? undefined : readMarker(context),
    quick || well ? undefined : readLockHolder(context),
  ])
  const deploys = receipts.filter(affectsVisitors).map(toPlanned)
  const marked = marker === 'off' ? undefined : marker
  const maintenance = marker === undefined ? findMaintenancePage(check.observations) : marked
  const known = maintenance && mergeMaintenance(noted, Date.parse(maintenance.since), check.at)
  const now = deploys.find((each) => each.from <= check.at && check.at <= each.to + graceMs)
  const held = holder && !isHarmless(holder.what) && check.at - Date.parse(holder.since) < maxDeployMs
  const ended = now && `deploy during the check: ${now.what}`
  const isOver = marker === 'off' || isSiteAnswering(check.observations)
  const what = maintenance?.text
  return {
    stretches: what && known ? [...deploys, { ...known, kind: 'maintenance', what }] : deploys,
    maintenance: what,
    noted: known ?? (isOver ? 'over' : undefined),
    deploy: held ? `deploy in progress: "${holder.what}" by ${holder.by} since ${holder.since}` : ended,
  }
}

/** The site shows a maintenance page; only the VPS knows who started it and when. */
const findMaintenancePage = (observations: readonly Observation[]) =>
  observations.some(({ maintenance }) => maintenance) ? { text: 'planned maintenance', since: '' } : undefined

/** True when the front page answered; the caller knows that it is not a maintenance page. */
const isSiteAnswering = (observations: readonly Observation[]): boolean =>
  observations.some(
    ({ probe, verdict, silent }) => probe.id === frontPage.id && verdict !== 'UNKNOWN' && !silent,
  )

/**
 * The current maintenance window is the recorded one, unless its marker says that it began later. It keeps its id when
 * a run without a login saw it first, and the marker then supplies its start.
 * @param since the marker's start time; NaN without a marker
 */
function mergeMaintenance(noted: KnownMaintenance | undefined, since: number, at: number): KnownMaintenance {
  const continues =
    noted && (since <= noted.from + maxClockSkewMs || (!since && at - noted.to <= forgetAfterMs))
  if (continues) return { id: noted.id, from: since || noted.from, to: Math.max(noted.to, at) }
  const from = since || at
  return { id: new Date(from).toISOString(), from, to: Math.max(from, at) }
}

async function readReceipts(context: VpsContext, quick: boolean): Promise<Receipt[]> {
  const folder = path.join(context.config.stateDir, 'receipts')
  // Most machines that check every minute have none: skip loading the code that reads them.
  if (quick && !(existsSync(folder) && readdirSync(folder).length > 0)) return []
  const { readKeptReceipts, receiptsHere } = await import('../deploy/receipts/receipts.ts')
  if (!quick) return (await readKeptReceipts(context, receiptsRead)).kept.map(({ receipt }) => receipt)
  try {
    return receiptsHere(context.config, receiptsRead, '').receipts
  } catch {
    return []
  }
}

/** The maintenance marker on the VPS; undefined when the VPS does not answer. */
async function readMarker(context: VpsContext): Promise<{ text: string; since: string } | 'off' | undefined> {
  const { inspectServer } = await import('../vps/serverState.ts')
  const { formatMaintenance } = await import('../vps/maintenance/page.ts')
  const server = await inspectServer(context).catch(() => undefined)
  if (!server) return undefined
  const { maintenance } = server
  return maintenance ? { text: formatMaintenance(maintenance), since: maintenance.since } : 'off'
}

async function readLockHolder(context: VpsContext) {
  const { readHolder } = await import('../deploy/lock.ts')
  return readHolder(context).catch(() => undefined)
}

/**
 * True when the run may have changed something that visitors notice. A failed task counts when it was applying a change
 * and the run had sent any change: it may be half done. A task that failed while it only inspected explains nothing.
 */
function affectsVisitors({ changed, failed, commands, line }: Receipt): boolean {
  if (isHarmless(line)) return false
  // The task of a second server is called ID@ADDRESS.
  const counts = ({ id }: { id: string }) => !unused.includes(id.replace(/@.*/, ''))
  const attempted = commands.change > 0 ? failed.filter(({ changing }) => changing) : []
  return [...changed, ...attempted].some(counts)
}

const isHarmless = (line: string): boolean =>
  harmless.includes(/^(?:npx )?dominion ([a-z-]+)/.exec(line)?.[1] ?? '')

function toPlanned({ id, line, by, started, seconds }: Receipt): Planned {
  const from = Date.parse(started)
  const what = `${line.replace(/^npx dominion /, '')} by ${by}`
  return { id, kind: 'deploy', from, to: from + Math.min(Math.ceil(seconds * 1000), maxDeployMs), what }
}

/** The faults that planned work explains: a deploy all of them, maintenance those that it hides from visitors. */
export function explain(observations: readonly Observation[], work: PlannedWork): Explanation | undefined {
  const bad = observations.filter(({ verdict }) => verdict === 'WARNING' || verdict === 'CRITICAL')
  if (bad.length === 0) return undefined
  if (work.deploy !== undefined) return createExplanation('deploy', work.deploy, bad)
  if (work.maintenance === undefined) return undefined
  const hidden = bad.filter(({ probe }) => probe.hiddenByMaintenance)
  return hidden.length > 0 ? createExplanation('maintenance', work.maintenance, hidden) : undefined
}

const createExplanation = (by: Excluded, text: string, hidden: readonly Observation[]): Explanation => ({
  by,
  why: `${text} (explains ${hidden.map(({ probe }) => probe.id).join(', ')})`,
  ids: new Set(hidden.map(({ probe }) => probe.id)),
})
