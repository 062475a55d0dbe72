import { differing, type Field } from '../../tasks/task.ts'
import { type ContainerGroup, getSize, groupNames, isWorkerName } from '../resources/containerGroups.ts'
import { isUnderWay } from './provisioning.ts'
import type { WantedGroup } from './spec.ts'

/** One action of a release on the container groups. The plan shows a list of them as commands; the release runs it. */
export type Action =
  /** Creates the group, or changes it to exactly this. `replace`: deletes it first. */
  | { do: 'create'; group: WantedGroup; replace: boolean }
  /** Waits until the backend is healthy, or the worker is running. */
  | { do: 'wait'; group: WantedGroup }
  | { do: 'route'; group: WantedGroup }
  | { do: 'delete'; name: string }

/** An existing group: how it differs from the wanted one, and ARM's provisioning state. */
export interface CurrentGroup {
  fields: Field[]
  state: string
}

/** The fields that ARM does not change in place: the group must be deleted first. */
const immutable = new Set(['CPU', 'memory (GB)', 'restart policy', 'operating system'])

export const needsReplacement = (fields: readonly Field[]): boolean =>
  fields.some(({ name }) => immutable.has(name))

export function compareGroup(before: ContainerGroup, wanted: WantedGroup, configuration: string): Field[] {
  const [container] = before.containers
  const { cpu, memoryGb } = getSize(container)
  const fields = differing(
    ['image', container?.image, wanted.image],
    ['CPU', cpu, wanted.cpu],
    ['memory (GB)', memoryGb, wanted.memoryGb],
    ['restart policy', before.restartPolicy, 'Always'],
    ['operating system', before.osType, 'Linux'],
    ['command', (container?.command ?? []).join(' '), (wanted.command ?? []).join(' ')],
  )
  const was = before.tags?.configuration
  if (fields.length > 0 || was === configuration) return fields
  return [{ name: 'environment, probes or secrets', before: was, after: configuration }]
}

/** Plans how a group becomes what it should be; nothing when it already is. */
export function planGroup(group: WantedGroup, seen: CurrentGroup | undefined): Action[] {
  const wait: Action = { do: 'wait', group }
  if (seen && seen.fields.length === 0) {
    if (seen.state === 'Succeeded') return []
    // An interrupted run started this change.
    if (isUnderWay(seen.state)) return [wait]
  }
  return [{ do: 'create', group, replace: needsReplacement(seen?.fields ?? []) }, wait]
}

export interface BackendState {
  /** Undefined: does not exist. */
  stable: CurrentGroup | undefined
  surge: CurrentGroup | undefined
  /** Where nginx sends requests; undefined: there is no nginx, or it does not answer. */
  serving: 'surge' | 'elsewhere' | undefined
  inPlace: boolean
}

/**
 * Plans the release of the backend from any state: surge group → nginx to it → stable group → nginx back → surge group
 * deleted. Skips what an interrupted run has already done; a surge group that serves keeps serving until the stable one
 * is healthy.
 */
export function planBackend(stable: WantedGroup, surge: WantedGroup, now: BackendState): Action[] {
  const servesAlready = now.surge !== undefined && now.serving === 'surge'
  const replaced = (now.stable?.fields.length ?? 0) > 0
  const beside = replaced && !servesAlready && !now.inPlace
  const onSurge = now.serving === 'surge' || (beside && now.serving !== undefined)
  const left = now.surge !== undefined || beside
  return [
    ...(beside ? planOrWait(surge, planGroup(surge, now.surge)) : []),
    ...(beside && now.serving === 'elsewhere' ? [{ do: 'route', group: surge } as const] : []),
    ...(onSurge || left ? planOrWait(stable, planGroup(stable, now.stable)) : planGroup(stable, now.stable)),
    ...(onSurge ? [{ do: 'route', group: stable } as const] : []),
    ...(left ? [{ do: 'delete', name: surge.name } as const] : []),
  ]
}

/** A group that nginx is switched to must be healthy, even if nothing about it changes. */
const planOrWait = (group: WantedGroup, actions: Action[]): Action[] =>
  actions.length > 0 ? actions : [{ do: 'wait', group }]

/** Plans the wanted workers, then the deletion of surplus ones. */
export const planWorkers = (
  workers: readonly { group: WantedGroup; seen: CurrentGroup | undefined }[],
  names: readonly string[],
): Action[] => [
  ...workers.flatMap(({ group, seen }) => planGroup(group, seen)),
  ...surplusWorkers(workers, names).map((name) => ({ do: 'delete', name }) as const),
]

export const surplusWorkers = (
  workers: readonly { group: WantedGroup }[],
  names: readonly string[],
): string[] =>
  names.filter((name) => isWorkerName(name) && workers.every(({ group }) => group.name !== name)).sort()

/** Describes a group without differences. */
export const describeRunning = ({ image, cpu, memoryGb }: WantedGroup): string =>
  `${image.split('/').at(-1)}, ${cpu} CPU, ${memoryGb} GB`

/** Describes what happens to a group with differences. */
export function describeGroup(
  { name, image, cpu, memoryGb }: WantedGroup,
  seen: CurrentGroup | undefined,
): string {
  if (!seen) return `${name}, ${cpu} CPU, ${memoryGb} GB, ${image}`
  return needsReplacement(seen.fields)
    ? `${name}: delete and create again (ACI cannot change this in place)`
    : name
}

/** The differences, or the state in which an interrupted run left the group. */
export const getFields = (seen: CurrentGroup | undefined): Field[] =>
  !seen || seen.fields.length > 0 || seen.state === 'Succeeded'
    ? (seen?.fields ?? [])
    : [{ name: 'state', before: seen.state, after: 'Succeeded' }]

/** Whether requests can fail while the backend is replaced: only in place, or without an nginx to switch. */
export const requestsMayFail = ({ stable, surge, serving, inPlace }: BackendState): boolean =>
  (stable?.fields.length ?? 0) > 0 && !(surge && serving === 'surge') && (inPlace || serving === undefined)

/** Describes what happens to the backend, and which group serves meanwhile. */
export function describeBackend(stable: WantedGroup, now: BackendState): string {
  const words = describeGroup(stable, now.stable)
  const { surge } = groupNames
  if (!now.stable) return words
  if (now.stable.fields.length === 0) {
    return now.surge || now.serving === 'surge' ? 'finish the interrupted release' : words
  }
  if (now.surge && now.serving === 'surge') return `${words}; ${surge} serves until it is healthy`
  if (now.inPlace) return `${words}; in place, as requested; requests may fail meanwhile`
  return now.serving
    ? `${words}, with ${surge} in parallel; nginx is switched to it and back`
    : `${words}, tested as ${surge} first; requests may fail meanwhile because there is no nginx to switch`
}

export const backendFields = (now: BackendState): Field[] => [
  ...getFields(now.stable),
  ...(now.serving === 'surge'
    ? [{ name: 'served from', before: groupNames.surge, after: groupNames.backend }]
    : []),
]
