import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import type { Receipt } from '../deploy/receipt.ts'
import type { Observation } from '../health/probe.ts'
import type { Excluded, Planned } from '../history/sample.ts'
import type { Context } from '../steps/context.ts'

/** What is known of work that was announced or is under way, when a look is judged. */
export interface Work {
  /** Planned stretches for the history; those that this look touches among them. */
  stretches: Planned[]
  /** The maintenance on the VPS, in words. */
  maintenance?: string
  /** A deploy under way, or one that ended while we looked, in words. */
  deploy?: string
}

/** Why faults do not count, and those that do not. */
export interface Explained {
  by: Excluded
  why: string
  /** Ids of the observations that it explains. */
  ids: ReadonlySet<string>
}

/** These runs change nothing that a visitor could notice; a maintenance tells of itself. */
const harmless = ['backup-database', 'build-image', 'maintenance-mode', 'status-page', 'schedule', 'unlock']
/** A deploy that has taken so long hangs: it explains nothing any more. */
const longestDeployMs = 90 * 60_000
/** What a deploy has just put in force may still be settling. */
const graceMs = 5_000
const read = 20

/**
 * Asks what work there is. Quick: only what lies on this machine, and what the site itself says; no ssh. Otherwise the
 * VPS, too: its receipts are of every operator, its marker tells since when a maintenance is on, its lock who deploys.
 * What cannot be asked explains nothing.
 *
 * @param from the beginning of a maintenance that an earlier look saw, where the VPS is not asked
 */
export async function workAt(
  context: Context,
  look: { at: number; observations: readonly Observation[] },
  { quick, from }: { quick: boolean; from: number | undefined },
): Promise<Work> {
  const [receipts, marker, holder] = await Promise.all([
    receiptsOf(context, quick),
    quick ? undefined : markerOf(context),
    quick || look.observations.every(({ verdict }) => verdict === 'OK') ? undefined : holderOf(context),
  ])
  const deploys = receipts.filter(touches).map(stretchOf)
  const told = marker ?? (look.observations.some(({ maintenance }) => maintenance) ? unsaid : undefined)
  const since = Date.parse(marker?.since ?? '') || (from ?? look.at)
  const now = deploys.find((each) => each.from <= look.at && look.at <= each.to + graceMs)
  const held = holder && !isHarmless(holder.what) && look.at - Date.parse(holder.since) < longestDeployMs
  const deploy = held ? `deploy under way: "${holder.what}" by ${holder.by} since ${holder.since}` : undefined
  const ended = now ? `deploy at the same time: ${now.what}` : undefined
  return {
    stretches: [
      ...deploys,
      ...(told
        ? [
            {
              id: new Date(since).toISOString(),
              kind: 'maintenance' as const,
              from: since,
              to: Math.max(since, look.at),
              what: told.words,
            },
          ]
        : []),
    ],
    ...(told ? { maintenance: told.words } : {}),
    ...((deploy ?? ended) ? { deploy: (deploy ?? ended)! } : {}),
  }
}

/** The site says it itself; by whom and since when only the VPS knows. */
const unsaid = { words: 'planned maintenance', since: '' }

async function receiptsOf(context: Context, quick: boolean): Promise<Receipt[]> {
  const folder = path.join(context.config.stateDir, 'receipts')
  // Most machines that check every minute have none: then nothing is loaded to read them.
  if (quick && !(existsSync(folder) && readdirSync(folder).length > 0)) return []
  const { readHistory, receiptsHere } = await import('../deploy/receipts.ts')
  if (!quick) return (await readHistory(context, read)).kept.map(({ receipt }) => receipt)
  try {
    return receiptsHere(context.config, read, '').receipts
  } catch {
    return []
  }
}

async function markerOf(context: Context) {
  const { surveyOf } = await import('../ionos/survey.ts')
  const { inWords } = await import('../ionos/maintenancePage.ts')
  const maintenance = (await surveyOf(context).catch(() => undefined))?.maintenance
  return maintenance && { words: inWords(maintenance), since: maintenance.since }
}

async function holderOf(context: Context) {
  const { readHolder } = await import('../deploy/lock.ts')
  return readHolder(context).catch(() => undefined)
}

const touches = ({ changed, line }: Receipt): boolean => changed.length > 0 && !isHarmless(line)

const isHarmless = (line: string): boolean =>
  harmless.includes(/^(?:npx )?dominion ([a-z-]+)/.exec(line)?.[1] ?? '')

function stretchOf({ id, line, by, started, seconds }: Receipt): Planned {
  const from = Date.parse(started)
  const what = `${line.replace(/^npx dominion /, '')} by ${by}`
  return { id, kind: 'deploy', from, to: from + Math.ceil(seconds * 1000), what }
}

/**
 * Which faults of a look the work explains. A maintenance explains what visitors do not get because of it; a deploy
 * everything. UNKNOWN is no fault: nothing needs to explain it.
 */
export function explain(observations: readonly Observation[], work: Work): Explained | undefined {
  const bad = observations.filter(({ verdict }) => verdict === 'WARNING' || verdict === 'CRITICAL')
  if (bad.length === 0) return undefined
  if (work.deploy !== undefined) return because('deploy', work.deploy, bad)
  if (work.maintenance === undefined) return undefined
  const hidden = bad.filter(({ probe, maintenance }) => probe.hiddenByMaintenance || maintenance)
  return hidden.length > 0 ? because('maintenance', work.maintenance, hidden) : undefined
}

const because = (by: Excluded, words: string, hidden: readonly Observation[]): Explained => ({
  by,
  why: `${words} (it explains ${hidden.map(({ probe }) => probe.id).join(', ')})`,
  ids: new Set(hidden.map(({ probe }) => probe.id)),
})
