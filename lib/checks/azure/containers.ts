import { findTrouble, parseInstanceView } from '../../azure/containers/status.ts'
import { type ContainerGroup, getWantedNames, showGroups } from '../../azure/resources/containerGroups.ts'
import { formatScriptLine, type Limits } from '../../config/config.ts'
import { formatCount } from '../../util/format.ts'
import {
  byLimits,
  type Check,
  type CheckContext,
  combine,
  fail,
  pass,
  type Result,
  unknown,
} from '../check.ts'

const about = {
  id: 'containers',
  title: 'Containers',
  needs: 'az',
  advice: () => `${formatScriptLine('view-logs')} shows why.`,
} as const

/** The backend and every worker exist, run, and have not restarted too often within the last hour (HEALTH_RESTARTS). */
export const containers: Check = {
  ...about,
  tags: ['health'],
  // az may use a proxy on this machine.
  showsNetwork: false,
  run: async (checking) =>
    judgeContainers(await readContainers(checking), checking.azContext.config.health.restarts, Date.now()),
}

/** The same after a deploy, where a container that has just restarted once may still be settling. */
export const containersRunning: Check = {
  ...about,
  tags: ['verify', 'azure'],
  async run(checking) {
    const all = await readContainers(checking)
    const troubles = all.flatMap((each) => findContainerTrouble(each, Date.now()) ?? [])
    if (troubles.length > 0) return fail(troubles.join('; '))
    return pass(all.map(({ name }) => `${name} Running`).join(', '))
  },
}

export interface ContainerFacts {
  name: string
  /** 'absent': Azure has no such group; 'silent': it is listed but cannot be shown. */
  group: ContainerGroup | 'absent' | 'silent'
}

/** The groups that the configuration wants. Throws when Azure does not answer. */
async function readContainers({ azContext, azure }: CheckContext): Promise<ContainerFacts[]> {
  const wanted = getWantedNames(azContext.config)
  const listed = (await azure.groups()).map(({ name }) => name)
  const there = wanted.filter((name) => listed.includes(name))
  const shown = await showGroups(azContext, azure, there)
  return wanted.map((name) => ({
    name,
    group: shown.find((each) => each.name === name) ?? (there.includes(name) ? 'silent' : 'absent'),
  }))
}

function findContainerTrouble({ name, group }: ContainerFacts, now: number): string | undefined {
  if (group === 'absent') return `${name} does not exist`
  if (group === 'silent') return `the state of ${name} cannot be read`
  return findTrouble(group, now)
}

/** Judges a running container by its restarts within the last hour; ARM's count goes back to the group's creation. */
export function judgeContainers(groups: readonly ContainerFacts[], limits: Limits, now: number): Result {
  const judged = groups.map((facts) => {
    const { name, group } = facts
    const restarts = typeof group === 'string' ? 0 : countRecentRestarts(group, now)
    const runs = typeof group !== 'string' && parseInstanceView(group)?.currentState?.state === 'Running'
    const trouble = runs ? undefined : findContainerTrouble(facts, now)
    if (trouble !== undefined) return { ...(group === 'silent' ? unknown(trouble) : fail(trouble)), restarts }
    const often = restarts > 0 ? `, ${formatCount(restarts, 'restart')} within the last hour` : ''
    return { verdict: byLimits(restarts, limits), detail: `${name} Running${often}`, restarts }
  })
  const all = combine(judged)
  const restarts = Math.max(...judged.map((each) => each.restarts))
  return {
    ...all,
    ...(all.verdict === 'UNKNOWN' ? { next: about.advice() } : {}),
    figures: [{ name: 'restarts', value: restarts, unit: '', limits }],
  }
}

/**
 * ARM counts restarts since the group was created and keeps the last events. It merges consecutive equal
 * events into one with a count and the first and last time. A container that started more than an hour ago
 * has not restarted within the last hour.
 */
function countRecentRestarts({ containers }: ContainerGroup, now: number): number {
  const view = containers[0]?.instanceView
  const all = view?.restartCount ?? 0
  const within = (time: string | undefined) => now - Date.parse(time ?? '') < 3_600_000
  if (all === 0 || !within(view?.currentState?.startTime)) return 0
  const starts = (view?.events ?? [])
    .filter(({ name, lastTimestamp }) => name === 'Started' && within(lastTimestamp))
    .reduce((sum, { count, firstTimestamp }) => sum + (within(firstTimestamp) ? count : 1), 0)
  // The first start is not a restart. Without events, the current start counts as one.
  return Math.max(1, Math.min(all, starts))
}
