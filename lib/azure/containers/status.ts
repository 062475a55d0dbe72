import { formatCount } from '../../util/format.ts'
import type { ContainerGroup } from '../resources/containerGroups.ts'

/** What Azure saw of the group's container; a group of ours has one. */
export const parseInstanceView = (group: ContainerGroup | undefined) => group?.containers[0]?.instanceView

export const countRestarts = (group: ContainerGroup | undefined): number =>
  parseInstanceView(group)?.restartCount ?? 0

/** As often as a container may restart before it counts as crashing. */
const crashLoop = 3
const justNowMs = 60_000

/** That so many restarts are a crash loop, with what is known of the last one; undefined when they are too few. */
export const describeCrash = (restarts: number, lately: string): string | undefined =>
  restarts < crashLoop ? undefined : `crashes again and again (${formatCount(restarts, 'restart')}${lately})`

/** What is wrong with a running group, in words; undefined when nothing is. Between two crashes it says Running, too. */
export function findTrouble(group: ContainerGroup, now = Date.now()): string | undefined {
  const { name } = group
  const { state, startTime, detailStatus, exitCode } = parseInstanceView(group)?.currentState ?? {}
  const restarts = countRestarts(group)
  const details = [
    ...(detailStatus ? [detailStatus] : []),
    ...(exitCode === undefined || exitCode === null ? [] : [`exit ${exitCode}`]),
    ...(restarts > 0 ? [formatCount(restarts, 'restart')] : []),
  ].join(', ')
  if (state !== 'Running')
    return `${name} is ${state ?? 'in an unknown state'}${details ? ` (${details})` : ''}`
  const sinceMs = now - Date.parse(startTime ?? '')
  if (!(sinceMs < justNowMs)) return undefined
  const crashing = describeCrash(restarts, `, the last ${Math.max(0, Math.round(sinceMs / 1000))} s ago`)
  return crashing && `${name} ${crashing}`
}
