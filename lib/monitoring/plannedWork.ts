import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import type { Observation } from '../checks/probe.ts'
import type { Receipt } from '../deploy/receipts/write.ts'
import type { Context } from '../tasks/context.ts'
import type { Excluded, Planned } from './store/types.ts'

/** A maintenance that a look has seen and that went on then, as it is noted for the next one. */
export interface KnownMaintenance {
  /** Its id among the planned stretches: as it was first seen. */
  id: string
  /** Since 1970 in milliseconds: its beginning, and when a look has last seen it. */
  from: number
  to: number
}

/** What is known of work that was announced or is under way, when a look is judged. */
export interface PlannedWork {
  /** Planned stretches for the history; those that this look touches among them. */
  stretches: Planned[]
  /** The maintenance, in words. */
  maintenance?: string
  /** To be noted of it for the next look; `over`: there is none. Absent when this look cannot tell. */
  noted?: KnownMaintenance | 'over'
  /** A deploy under way, or one that ended while we looked, in words. */
  deploy?: string
}

/** Why faults do not count, and those that do not. */
export interface Explanation {
  by: Excluded
  why: string
  /** Ids of the observations that it explains. */
  ids: ReadonlySet<string>
}

/** These runs change nothing that a visitor could notice; a maintenance tells of itself. */
const harmless = ['backup-database', 'build-image', 'maintenance-mode', 'status-page', 'schedule', 'unlock']
/** Steps that change only what nobody uses yet: images and pages beside those in force, marks, files of this machine. */
const unnoticed = [
  'image',
  'frontend-build',
  'frontend-upload',
  'mark-bad',
  'clear-bad',
  'save',
  'status-page',
]
/** A deploy that has taken so long hangs: it explains nothing any more, neither under way nor afterwards. */
const maxDeployMs = 90 * 60_000
/** What a deploy has just put in force may still be settling. */
const graceMs = 5_000
/** The marker is written by an operator's clock, a look by this machine's. */
const maxClockSkewMs = 60_000
/** Nobody has seen it for so long: what the site says now is another maintenance. No sample speaks for longer. */
const forgetAfterMs = 3 * 3_600_000
const receiptsRead = 20

/**
 * Asks what work there is. Quick: only what lies on this machine, and what the site itself says; no ssh. Otherwise the
 * VPS, too: its receipts are of every operator, its marker tells whether and since when a maintenance is on, whatever the
 * site says, its lock who deploys. What cannot be asked explains nothing.
 *
 * @param noted the maintenance that an earlier look saw
 */
export async function findPlannedWork(
  context: Context,
  look: { at: number; observations: readonly Observation[] },
  { quick, noted }: { quick: boolean; noted: KnownMaintenance | undefined },
): Promise<PlannedWork> {
  const [receipts, marker, holder] = await Promise.all([
    readReceipts(context, quick),
    quick ? undefined : readMarker(context),
    quick || look.observations.every(({ verdict }) => verdict === 'OK') ? undefined : readLockHolder(context),
  ])
  const deploys = receipts.filter(affectsVisitors).map(toPlanned)
  const told =
    marker === undefined ? findMaintenancePage(look.observations) : marker === 'off' ? undefined : marker
  const known = told && mergeMaintenance(noted, Date.parse(told.since), look.at)
  const now = deploys.find((each) => each.from <= look.at && look.at <= each.to + graceMs)
  const held = holder && !isHarmless(holder.what) && look.at - Date.parse(holder.since) < maxDeployMs
  const deploy = held ? `deploy under way: "${holder.what}" by ${holder.by} since ${holder.since}` : undefined
  const ended = now ? `deploy at the same time: ${now.what}` : undefined
  return {
    stretches: [
      ...deploys,
      ...(told && known ? [{ ...known, kind: 'maintenance' as const, what: told.words }] : []),
    ],
    ...(told ? { maintenance: told.words } : {}),
    ...(known
      ? { noted: known }
      : marker === 'off' || isSiteAnswering(look.observations)
        ? { noted: 'over' }
        : {}),
    ...((deploy ?? ended) ? { deploy: (deploy ?? ended)! } : {}),
  }
}

/** The site says it itself; by whom and since when only the VPS knows. */
const findMaintenancePage = (observations: readonly Observation[]) =>
  observations.some(({ maintenance }) => maintenance)
    ? { words: 'planned maintenance', since: '' }
    : undefined

/** The front page was asked and gave an answer; that this is not our page the caller knows. */
const isSiteAnswering = (observations: readonly Observation[]): boolean =>
  observations.some(({ probe, verdict, silent }) => probe.id === 'static' && verdict !== 'UNKNOWN' && !silent)

/**
 * The maintenance that is on is the one that was noted, unless its marker says that it began after that. It keeps its id when
 * a look without a login saw it first, and the marker then tells when it began.
 *
 * @param since the marker's; NaN without one
 */
function mergeMaintenance(noted: KnownMaintenance | undefined, since: number, at: number): KnownMaintenance {
  const goesOn = noted && (since <= noted.from + maxClockSkewMs || (!since && at - noted.to <= forgetAfterMs))
  if (goesOn) return { id: noted.id, from: since || noted.from, to: Math.max(noted.to, at) }
  const from = since || at
  return { id: new Date(from).toISOString(), from, to: Math.max(from, at) }
}

async function readReceipts(context: Context, quick: boolean): Promise<Receipt[]> {
  const folder = path.join(context.config.stateDir, 'receipts')
  // Most machines that check every minute have none: then nothing is loaded to read them.
  if (quick && !(existsSync(folder) && readdirSync(folder).length > 0)) return []
  const { readHistory, receiptsHere } = await import('../deploy/receipts/read.ts')
  if (!quick) return (await readHistory(context, receiptsRead)).kept.map(({ receipt }) => receipt)
  try {
    return receiptsHere(context.config, receiptsRead, '').receipts
  } catch {
    return []
  }
}

/** What the VPS says of a maintenance; undefined when it cannot be asked. */
async function readMarker(context: Context): Promise<{ words: string; since: string } | 'off' | undefined> {
  const { inspectServer } = await import('../vps/serverState.ts')
  const { formatUntil } = await import('../vps/maintenance/page.ts')
  const survey = await inspectServer(context).catch(() => undefined)
  if (!survey) return undefined
  const { maintenance } = survey
  return maintenance ? { words: formatUntil(maintenance), since: maintenance.since } : 'off'
}

async function readLockHolder(context: Context) {
  const { readHolder } = await import('../deploy/lock.ts')
  return readHolder(context).catch(() => undefined)
}

/**
 * Did the run change anything that a visitor could notice? A step that failed counts when it was changing something
 * and the run has sent a change anywhere: half of it may be done. One that failed while it only looked explains nothing.
 */
function affectsVisitors({ changed, failed, commands, line }: Receipt): boolean {
  if (isHarmless(line)) return false
  const counts = ({ id }: { id: string }) => !unnoticed.includes(id)
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

/**
 * Which faults of a look the work explains. A maintenance explains what visitors do not get because of it; a deploy
 * everything. UNKNOWN is no fault: nothing needs to explain it.
 */
export function explain(observations: readonly Observation[], work: PlannedWork): Explanation | undefined {
  const bad = observations.filter(({ verdict }) => verdict === 'WARNING' || verdict === 'CRITICAL')
  if (bad.length === 0) return undefined
  if (work.deploy !== undefined) return createExplanation('deploy', work.deploy, bad)
  if (work.maintenance === undefined) return undefined
  const hidden = bad.filter(({ probe }) => probe.hiddenByMaintenance)
  return hidden.length > 0 ? createExplanation('maintenance', work.maintenance, hidden) : undefined
}

const createExplanation = (by: Excluded, words: string, hidden: readonly Observation[]): Explanation => ({
  by,
  why: `${words} (it explains ${hidden.map(({ probe }) => probe.id).join(', ')})`,
  ids: new Set(hidden.map(({ probe }) => probe.id)),
})
