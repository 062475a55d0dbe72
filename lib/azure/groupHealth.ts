import type { Context } from '../steps/context.ts'
import { azLook } from './az.ts'
import type { ContainerGroup } from './containerGroup.ts'
import { type Azure, groupId } from './resources.ts'

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
  const { stdout } = await context.runner.run(azLook(['container', 'show', '--ids', ...ids]))
  // One is printed as itself, several as a list in the order of the answers.
  return ([] as ContainerGroup[]).concat(JSON.parse(stdout || '[]') as ContainerGroup | ContainerGroup[])
}

/** As often as a container may have restarted before it counts as crashing, if it did so just now. */
const crashLoop = 3
const justNowMs = 60_000

/** What is wrong with a running group, in words; undefined when nothing is. Between two crashes it says Running, too. */
export function troubleOf({ name, containers }: ContainerGroup, now = Date.now()): string | undefined {
  const view = containers[0]?.instanceView
  const { state, startTime, detailStatus, exitCode } = view?.currentState ?? {}
  const restarts = view?.restartCount ?? 0
  const details = [
    ...(detailStatus ? [detailStatus] : []),
    ...(exitCode === undefined || exitCode === null ? [] : [`exit ${exitCode}`]),
    ...(restarts > 0 ? [`${restarts} restarts`] : []),
  ].join(', ')
  if (state !== 'Running')
    return `${name} is ${state ?? 'in an unknown state'}${details ? ` (${details})` : ''}`
  const sinceMs = now - Date.parse(startTime ?? '')
  if (restarts < crashLoop || !(sinceMs < justNowMs)) return undefined
  return `${name} crashes again and again (${restarts} restarts, the last ${Math.max(0, Math.round(sinceMs / 1000))} s ago)`
}
