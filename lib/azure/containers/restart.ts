import { formatScriptLine } from '../../config/config.ts'
import type { Context, Log } from '../../tasks/task.ts'
import { exitCode, type Failure, OpsError } from '../../util/errors.ts'
import { formatDuration } from '../../util/format.ts'
import type { Azure } from '../client.ts'
import { explainAz } from '../errors.ts'
import {
  type ContainerGroup,
  getHost,
  getImage,
  getTag,
  groupNames,
  isWorkerName,
} from '../resources/containerGroups.ts'
import { countRestarts, parseInstanceView } from './status.ts'
import { waitUntilHealthy, waitUntilStarted, waitUntilWorkerRuns } from './waitFor.ts'

/** Azure answered just before, so its silence about this operation is not caused by the network. */
export function explainRestart(name: string, output: string): Partial<Failure> | undefined {
  const [, seconds] = /Read timed out\.? \(read timeout=(\d+)\)/i.exec(output) ?? []
  if (seconds === undefined) return explainAz(output)
  return {
    what: `Azure accepted the restart of ${name} but did not finish it within ${formatDuration(Number(seconds) * 1000)}`,
    said: undefined,
    next: `Its container may refuse to stop: ${formatScriptLine('health', '--only', 'containers')} shows its state, and ${formatScriptLine('view-logs', '--only', isWorkerName(name) ? 'worker' : 'backend')} shows why. Run this command again to restart it once more.`,
    exitCode: exitCode.unknown,
  }
}

/** Reads the existing groups of a part, in the order of their restart. Throws when the first one is missing. */
export async function groupsToRestart(
  { config }: Context,
  azure: Azure,
  part: 'backend' | 'worker',
): Promise<ContainerGroup[]> {
  // A surge group that an interrupted release left belongs to the backend.
  const isMine = (name: string) =>
    part === 'worker' ? isWorkerName(name) : name === groupNames.backend || name === groupNames.surge
  const groups = (await azure.groups()).filter(({ name }) => isMine(name))
  if (groups.some(({ name }) => name === groupNames[part]))
    return groups.sort((a, b) => a.name.localeCompare(b.name))
  throw new OpsError({
    what: `Container group ${groupNames[part]} not found in ${config.azure.resourceGroup}`,
    next: `${formatScriptLine('deploy-complete')}   (it creates what is missing)`,
  })
}

/**
 * Waits until a group's container has restarted and is healthy.
 * @param before the group as it was before its restart
 */
export async function waitUntilRestarted(
  context: Context,
  azure: Azure,
  group: ContainerGroup,
  before: ContainerGroup | undefined,
  log: Log,
): Promise<void> {
  const { name } = group
  const restartsBefore = countRestarts(before)
  const startedBefore = parseInstanceView(before)?.currentState?.startTime
  await waitUntilStarted(context, azure, { name, startedBefore, restartsBefore }, log)
  if (isWorkerName(name)) await waitUntilWorkerRuns(context, azure, name, log, restartsBefore)
  else {
    const host = getHost(group)
    const release = getTag(getImage(group))
    await waitUntilHealthy(context, azure, { name, host, release, restartsBefore }, log)
  }
  log(`${name} is healthy again`)
}
