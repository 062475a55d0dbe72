import type { Field } from '../../tasks/task.ts'
import { type ContainerGroup, getSize, groupNames, isWorkerName } from '../resources/containerGroups.ts'
import type { WantedGroup } from './spec.ts'

/**
 * One thing that a release does to the container groups. A list of them, in order, is what the plan shows as lines and
 * what the release then runs.
 */
export type Move =
  /** Creates the group, or changes it to exactly this. `replace`: deletes it first. */
  | { do: 'put'; group: WantedGroup; replace: boolean }
  /** Waits until the group is well: the backend healthy, a worker running. */
  | { do: 'wait'; group: WantedGroup }
  /** Points nginx at the group. */
  | { do: 'serve'; group: WantedGroup }
  | { do: 'delete'; name: string }

/** A group that is there: what differs from the wanted one, and ARM's provisioning state. */
export interface Seen {
  fields: Field[]
  state: string
}

/** What ARM does not change in place; such a difference costs a deletion. */
const immutable = new Set(['CPU', 'memory (GB)', 'restart policy', 'operating system'])

export const needsReplacement = (fields: readonly Field[]): boolean =>
  fields.some(({ name }) => immutable.has(name))

/** What differs between a running group and the wanted one. */
export function groupFields(before: ContainerGroup, wanted: WantedGroup, configuration: string): Field[] {
  const [container] = before.containers
  const { cpu, memoryGb } = getSize(container)
  const pairs: [string, unknown, unknown][] = [
    ['image', container?.image, wanted.image],
    ['CPU', cpu, wanted.cpu],
    ['memory (GB)', memoryGb, wanted.memoryGb],
    ['restart policy', before.restartPolicy, 'Always'],
    ['operating system', before.osType, 'Linux'],
    ['command', (container?.command ?? []).join(' '), (wanted.command ?? []).join(' ')],
  ]
  const fields = pairs
    .filter(([, was, is]) => String(was ?? '') !== String(is))
    .map(([name, was, is]) => ({
      name,
      before: was === undefined ? undefined : String(was),
      after: String(is),
    }))
  const was = before.tags?.configuration
  if (fields.length > 0 || was === configuration) return fields
  return [{ name: 'environment, probes or secrets', before: was, after: configuration }]
}

/** ARM's words for what a run that was killed has begun, and nobody has waited for. */
const underWay = /^(Accepted|Pending|Creating|Updating|Repairing)$/

/** Makes a group what it should be; nothing when it is. */
export function movesTo(group: WantedGroup, seen: Seen | undefined): Move[] {
  const wait: Move = { do: 'wait', group }
  if (seen && seen.fields.length === 0) {
    if (seen.state === 'Succeeded') return []
    if (underWay.test(seen.state)) return [wait]
  }
  return [{ do: 'put', group, replace: needsReplacement(seen?.fields ?? []) }, wait]
}

export interface BackendNow {
  /** Undefined: not there. */
  stable: Seen | undefined
  surge: Seen | undefined
  /** Where nginx sends requests; undefined: there is no nginx, or it cannot be asked. */
  serving: 'surge' | 'elsewhere' | undefined
  inPlace: boolean
}

/**
 * The release of the backend from whatever is there: surge group → nginx to it → stable group → nginx back → surge group
 * deleted. Whatever an interrupted run has done already is left out; a surge group that serves goes on serving until the
 * stable one is well.
 */
export function backendMoves(stable: WantedGroup, surge: WantedGroup, now: BackendNow): Move[] {
  const servesAlready = now.surge !== undefined && now.serving === 'surge'
  const replaced = (now.stable?.fields.length ?? 0) > 0
  const beside = replaced && !servesAlready && !now.inPlace
  const onSurge = now.serving === 'surge' || (beside && now.serving !== undefined)
  const left = now.surge !== undefined || beside
  return [
    ...(beside ? orWait(surge, movesTo(surge, now.surge)) : []),
    ...(beside && now.serving === 'elsewhere' ? [{ do: 'serve', group: surge } as const] : []),
    ...(onSurge || left ? orWait(stable, movesTo(stable, now.stable)) : movesTo(stable, now.stable)),
    ...(onSurge ? [{ do: 'serve', group: stable } as const] : []),
    ...(left ? [{ do: 'delete', name: surge.name } as const] : []),
  ]
}

/** What nginx is pointed at must be well, even if nothing about it is to be changed. */
const orWait = (group: WantedGroup, moves: Move[]): Move[] =>
  moves.length > 0 ? moves : [{ do: 'wait', group }]

/** Every wanted worker as it should be, then those that are one too many deleted. */
export const workerMoves = (
  workers: readonly { group: WantedGroup; seen: Seen | undefined }[],
  names: readonly string[],
): Move[] => [
  ...workers.flatMap(({ group, seen }) => movesTo(group, seen)),
  ...surplusWorkers(workers, names).map((name) => ({ do: 'delete', name }) as const),
]

/** Of the names of all groups those of workers that nobody wants. */
export const surplusWorkers = (
  workers: readonly { group: WantedGroup }[],
  names: readonly string[],
): string[] =>
  names.filter((name) => isWorkerName(name) && workers.every(({ group }) => group.name !== name)).sort()

/** A group that is as it should be. */
export const describeRunning = ({ image, cpu, memoryGb }: WantedGroup): string =>
  `${image.split('/').at(-1)}, ${cpu} CPU, ${memoryGb} GB`

/** What becomes of a group that is not. */
export function describeGroup({ name, image, cpu, memoryGb }: WantedGroup, seen: Seen | undefined): string {
  if (!seen) return `${name}, ${cpu} CPU, ${memoryGb} GB, ${image}`
  return needsReplacement(seen.fields)
    ? `${name}: delete and create again (ACI cannot change this in place)`
    : name
}

/** What differs, or the state that a run which was killed has left. */
export const toFields = (seen: Seen | undefined): Field[] =>
  !seen || seen.fields.length > 0 || seen.state === 'Succeeded'
    ? (seen?.fields ?? [])
    : [{ name: 'state', before: seen.state, after: 'Succeeded' }]

/** Nothing serves while the backend is replaced: it was asked for, or there is no nginx that could be switched. */
export const requestsMayFail = ({ stable, surge, serving, inPlace }: BackendNow): boolean =>
  (stable?.fields.length ?? 0) > 0 && !(surge && serving === 'surge') && (inPlace || serving === undefined)

/** What becomes of the backend, and who serves meanwhile. */
export function describeBackend(stable: WantedGroup, now: BackendNow): string {
  const words = describeGroup(stable, now.stable)
  const { surge } = groupNames
  if (!now.stable) return words
  if (now.stable.fields.length === 0) {
    return now.surge || now.serving === 'surge' ? 'finish the release that was interrupted' : words
  }
  if (now.surge && now.serving === 'surge') return `${words}; ${surge} serves until it is healthy`
  if (now.inPlace) return `${words}; in place, as asked: requests may fail meanwhile`
  return now.serving
    ? `${words}, beside ${surge}; nginx is switched to it and back`
    : `${words}, tried as ${surge} first; no nginx to switch: requests may fail meanwhile`
}

export const backendFields = (now: BackendNow): Field[] => [
  ...toFields(now.stable),
  ...(now.serving === 'surge'
    ? [{ name: 'served from', before: groupNames.surge, after: groupNames.backend }]
    : []),
]
