import { type Config, formatAzLine, formatScriptLine } from '../../config/config.ts'
import { exitCode, OpsError, unknownError } from '../../util/errors.ts'
import { formatDuration } from '../../util/format.ts'
import { poll } from '../../util/poll.ts'
import type { Arm } from '../arm.ts'
import { explainAz } from '../errors.ts'
import { type ContainerGroup, readGroup } from '../resources/containerGroups.ts'
import { countRestarts, describeCrash } from './status.ts'

type Reader = Pick<Arm, 'get' | 'subscription'>

export interface Patience {
  intervalMs: number
  timeoutMs: number
  /** How many reads in a row may get no answer. */
  silences: number
}

/** Azure itself gives up after 30 minutes, and then says why. */
const usual: Patience = { intervalMs: 1000, timeoutMs: 35 * 60_000, silences: 30 }

/** Whether this state means that ARM is still making a change. */
export const isUnderWay = (state: string): boolean =>
  /^(Accepted|Pending|Creating|Updating|Repairing)$/.test(state)

/** Only these states can be relied on (learn.microsoft.com/azure/container-instances/container-state). */
const hasEnded = (state = 'Succeeded'): boolean => /^(Succeeded|Failed|Canceled)$/.test(state)

/**
 * Waits until Azure has created or changed a group, and returns it. Throws with Azure's reason when it could not.
 * Returns early when the container keeps crashing: then the application is at fault, and its log says more than Azure.
 */
export async function waitUntilProvisioned(
  config: Config,
  arm: Reader,
  name: string,
  patience = usual,
): Promise<ContainerGroup> {
  const what = `Azure did not finish ${name} within ${formatDuration(patience.timeoutMs)}`
  let restartsBefore: number | undefined
  const group = await watch(config, arm, name, { ...patience, what }, (found) => {
    // A container that replaces another one counts from 0 again.
    restartsBefore = Math.min(restartsBefore ?? Number.POSITIVE_INFINITY, countRestarts(found))
    const crashing = describeCrash(countRestarts(found) - restartsBefore, '') !== undefined
    return found !== undefined && !hasEnded(found.provisioningState) && !crashing
  })
  if (group && !/^(Failed|Canceled)$/.test(group.provisioningState ?? '')) return group
  const { resourceGroup } = config.azure
  const show = formatAzLine(`az container show --resource-group ${resourceGroup} --name ${name}`)
  const said = group ? findReasons(group) : ''
  const meaning = explainAz(said)
  throw new OpsError({
    what: group ? `Azure could not create ${name}` : `${name} was deleted while Azure created it`,
    said: said || undefined,
    next: `${show}   shows what Azure knows about it. Run this command again to create it again.`,
    // An explanation with an exit code is about this machine's login or network, which the events do not show.
    ...(meaning?.exitCode === undefined ? meaning : {}),
  })
}

/** Waits until a group no longer exists: only then can one with its name and another size be created. */
export async function waitUntilGone(
  config: Config,
  arm: Reader,
  name: string,
  patience = usual,
): Promise<void> {
  const what = `Azure did not delete ${name} within ${formatDuration(patience.timeoutMs)}`
  await watch(config, arm, name, { ...patience, what }, (group) => group !== undefined)
}

/** Reads a group until it is no longer busy, and returns it; undefined when it does not exist. */
async function watch(
  config: Config,
  arm: Reader,
  name: string,
  { what, silences, ...options }: Patience & { what: string },
  isBusy: (group: ContainerGroup | undefined) => boolean,
): Promise<ContainerGroup | undefined> {
  let silent = 0
  async function look() {
    try {
      const group = await readGroup(config, arm, name)
      silent = 0
      return isBusy(group) ? undefined : { group }
    } catch (thrown) {
      // Silence from Azure is not an outage: the next request may get an answer.
      const unanswered = thrown instanceof OpsError && thrown.exitCode === exitCode.unknown
      if (!unanswered || ++silent > silences) throw thrown
      return undefined
    }
  }
  const health = formatScriptLine('health', '--only', 'containers')
  const next = `${health} shows its state. Run this command again: it continues to wait.`
  return (await poll(look, { ...options, describe: () => unknownError(what, undefined, next) })).group
}

/** The result of an operation that nobody waited for is only in the group's events. */
const findReasons = (group: ContainerGroup): string =>
  [group, ...group.containers]
    .flatMap(({ instanceView }) => instanceView?.events ?? [])
    .filter(({ type }) => type === 'Warning')
    .map(({ name, message }) => `${name.replace(/\.$/, '')}: ${message ?? ''}`)
    .join('\n')
