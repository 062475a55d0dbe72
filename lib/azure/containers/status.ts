import type { Context } from '../../tasks/context.ts'
import { formatCount } from '../../util/format.ts'
import { az } from '../cli.ts'
import { type Azure, groupId } from '../client.ts'
import type { ContainerGroup } from './spec.ts'

/**
 * Groups that are there, with their instance view, by one az call: `az container list` does not give the view, and
 * `az container show` takes several ids. One that cannot be shown is left out (az then only warns); none at all is an
 * error.
 */
export async function showGroups(
  context: Context,
  azure: Azure,
  names: readonly string[],
): Promise<ContainerGroup[]> {
  if (names.length === 0) return []
  const { id } = await azure.account()
  const ids = names.map((name) => groupId(context.config, id, name))
  const { stdout } = await context.runner.run(az`container show --ids ${ids}`)
  // One is printed as itself, several as a list in the order of the answers.
  return ([] as ContainerGroup[]).concat(JSON.parse(stdout || '[]') as ContainerGroup | ContainerGroup[])
}

/** One group with its instance view; undefined when it is not there. */
export const showGroup = async (
  context: Context,
  azure: Azure,
  name: string,
): Promise<ContainerGroup | undefined> => (await showGroups(context, azure, [name]))[0]

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
