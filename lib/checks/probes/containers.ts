import type { Azure } from '../../azure/client.ts'
import { findTrouble, parseInstanceView } from '../../azure/containers/status.ts'
import {
  type ContainerGroup,
  groupNames,
  showGroups,
  workerNames,
} from '../../azure/resources/containerGroups.ts'
import type { Limits } from '../../config/config.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import type { Context } from '../../tasks/context.ts'
import { worstVerdict } from '../../util/status.ts'
import type { Probe, Reading } from '../probe.ts'
import { coreProbe } from '../probe.ts'
import { byLimits } from '../thresholds.ts'

/** Backend and every worker: there, running, and not restarted too often. */
export const containersProbe = (context: Context, azure: Azure): Probe => ({
  ...coreProbe,
  id: 'containers',
  title: 'Containers',
  // az may go through a proxy of this machine.
  showsNetwork: false,
  async ask() {
    return judgeContainers(await readContainers(context, azure), context.config.health.restarts, Date.now())
  },
})

export interface ContainerFacts {
  name: string
  /** 'absent': Azure has no such group; 'silent': it is listed, and cannot be shown. */
  group: ContainerGroup | 'absent' | 'silent'
}

/** The groups that the configuration wants, as they are. Throws when Azure does not tell. */
export async function readContainers(context: Context, azure: Azure): Promise<ContainerFacts[]> {
  const wanted = [groupNames.backend, ...workerNames(context.config)]
  const listed = (await azure.groups()).map(({ name }) => name)
  const there = wanted.filter((name) => listed.includes(name))
  const shown = await showGroups(context, azure, there)
  return wanted.map((name) => ({
    name,
    group: shown.find((each) => each.name === name) ?? (there.includes(name) ? 'silent' : 'absent'),
  }))
}

/** What is wrong with one of them, in words; undefined when it runs. */
export function troubleWith({ name, group }: ContainerFacts, now: number): string | undefined {
  if (group === 'absent') return `${name} is absent`
  if (group === 'silent') return `${name} cannot be asked for its state`
  return findTrouble(group, now)
}

/**
 * A container that runs is judged by its restarts within the hour and HEALTH_RESTARTS: those since the group was made, which
 * troubleWith goes by, may be a year's.
 */
export function judgeContainers(all: readonly ContainerFacts[], limits: Limits, now: number): Reading {
  const judged = all.map((facts) => {
    const { name, group } = facts
    const restarts = typeof group === 'string' ? 0 : restartsWithinHour(group, now)
    const runs = typeof group !== 'string' && parseInstanceView(group)?.currentState?.state === 'Running'
    const trouble = runs ? undefined : troubleWith(facts, now)
    if (trouble !== undefined) {
      const verdict = group === 'silent' ? ('UNKNOWN' as const) : ('CRITICAL' as const)
      return { verdict, detail: trouble, restarts }
    }
    const verdict = byLimits(restarts, limits)
    const often = restarts === 1 ? '1 restart' : `${restarts} restarts`
    return { verdict, detail: `${name} Running${restarts > 0 ? `, ${often} within the hour` : ''}`, restarts }
  })
  const verdict = worstVerdict(judged)
  const told = verdict === 'OK' ? judged : judged.filter((each) => each.verdict !== 'OK')
  return {
    verdict,
    detail: told.map(({ detail }) => detail).join('; '),
    ...(verdict === 'OK' ? {} : { next: `${formatScriptLine('view-logs')} tells why.` }),
    figures: [
      { name: 'restarts', value: Math.max(...judged.map(({ restarts }) => restarts)), unit: '', limits },
    ],
  }
}

const hour = 3_600_000

/**
 * ARM counts restarts since the group was made, and keeps the last events: equal ones that follow each other are one, with
 * a count and the first and last time. What began longer ago than an hour has not restarted within it.
 */
export function restartsWithinHour({ containers }: ContainerGroup, now: number): number {
  const view = containers[0]?.instanceView
  const all = view?.restartCount ?? 0
  const within = (time: string | undefined) => now - Date.parse(time ?? '') < hour
  if (all === 0 || !within(view?.currentState?.startTime)) return 0
  const starts = (view?.events ?? [])
    .filter(({ name, lastTimestamp }) => name === 'Started' && within(lastTimestamp))
    .reduce((sum, { count, firstTimestamp }) => sum + (within(firstTimestamp) ? count : 1), 0)
  // The first start of all is none; without events the running one is a restart that is known.
  return Math.max(1, Math.min(all, starts))
}
