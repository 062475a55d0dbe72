import type { Field } from '../steps/step.ts'
import { groupNames, type WantedGroup } from './containerGroup.ts'
import { type BackendNow, mustReplace, type Seen } from './moves.ts'

/** A group that is as it should be. */
export const runningWords = ({ image, cpu, memoryGb }: WantedGroup): string =>
  `${image.split('/').at(-1)}, ${cpu} CPU, ${memoryGb} GB`

/** What becomes of a group that is not. */
export function groupWords({ name, image, cpu, memoryGb }: WantedGroup, seen: Seen | undefined): string {
  if (!seen) return `${name}, ${cpu} CPU, ${memoryGb} GB, ${image}`
  return mustReplace(seen.fields)
    ? `${name}: delete and create again (ACI cannot change this in place)`
    : name
}

/** What differs, or the state that a run which was killed has left. */
export const fieldsOf = (seen: Seen | undefined): Field[] =>
  !seen || seen.fields.length > 0 || seen.state === 'Succeeded'
    ? (seen?.fields ?? [])
    : [{ name: 'state', before: seen.state, after: 'Succeeded' }]

/** Nothing serves while the backend is replaced: it was asked for, or there is no nginx that could be switched. */
export const requestsMayFail = ({ stable, surge, serving, inPlace }: BackendNow): boolean =>
  (stable?.fields.length ?? 0) > 0 && !(surge && serving === 'surge') && (inPlace || serving === undefined)

/** What becomes of the backend, and who serves meanwhile. */
export function backendWords(stable: WantedGroup, now: BackendNow): string {
  const words = groupWords(stable, now.stable)
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
  ...fieldsOf(now.stable),
  ...(now.serving === 'surge'
    ? [{ name: 'served from', before: groupNames.surge, after: groupNames.backend }]
    : []),
]
