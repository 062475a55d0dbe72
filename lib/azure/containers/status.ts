import { formatCount } from '../../util/format.ts'
import type { ContainerGroup } from '../resources/containerGroups.ts'

/** What Azure shows of the group's container; each of our groups has one. */
export const parseInstanceView = (group: ContainerGroup | undefined) => group?.containers[0]?.instanceView

export const countRestarts = (group: ContainerGroup | undefined): number =>
  parseInstanceView(group)?.restartCount ?? 0

/** A container counts as crashing from this number of restarts on. */
const crashLoop = 3
const justNowMs = 60_000

/** Describes a crash loop, with what is known of the last restart; undefined when there are too few restarts. */
export const describeCrash = (restarts: number, details: string): string | undefined =>
  restarts < crashLoop ? undefined : `keeps crashing (${formatCount(restarts, 'restart')}${details})`

/** Describes what is wrong with a group; undefined when nothing is. Between two crashes, Azure also reports Running. */
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

/** The number of ended workers that proves a fault. A single one may have been ended for a good reason. */
const endedWorkers = 3

/**
 * gunicorn's messages about a worker that ended (Arbiter.spawn_worker and reap_workers, in 20.1 and in later versions:
 * https://github.com/benoitc/gunicorn/blob/20.1.0/gunicorn/arbiter.py), with its process id.
 */
const workerEnded =
  /Worker exiting \(pid: ?(\d+)\)|Worker \(pid: ?(\d+)\) (?:exited with code|was sent) |Worker with pid (\d+) was terminated|WORKER TIMEOUT \(pid: ?(\d+)\)/g

/**
 * Explains why the application is at fault when Azure reports its container as Running but it has never
 * answered; undefined when nothing proves that. gunicorn's master keeps listening while its workers end at
 * once (only exit codes 3 and 4 end the master, too): the port accepts connections, and nothing answers. A
 * firewall accepts none.
 *
 * @param accepted whether the port accepted a connection that then brought no answer
 * @param log the container's last lines
 */
export function whyWorkersAreDead(seen: {
  state: string | undefined
  accepted: boolean
  log: string
}): string | undefined {
  if (seen.state !== 'Running') return undefined
  const ended = new Set([...seen.log.matchAll(workerEnded)].map((match) => match.slice(1).find(Boolean)))
  if (ended.size >= endedWorkers) return `its workers keep exiting (${ended.size} in its last log lines)`
  return seen.accepted ? 'it accepts connections but answers none' : undefined
}
