import { groupNames, imageOf, tagOf } from '../azure/containerGroup.ts'
import type { Azure, Tag } from '../azure/resources.ts'
import { usageError } from '../command/errors.ts'
import { formatScriptLine } from '../config/pasteLine.ts'
import type { BadMark } from '../ionos/badReleases.ts'
import type { Survey } from '../ionos/survey.ts'
import { type Candidate, type Evidence, newestFirst } from './candidates.ts'
import type { Receipt } from './receipt.ts'

/** The releases that lie on the VPS. */
export function frontendCandidates(
  { releases, live, previous }: Pick<Survey, 'releases' | 'live' | 'previous'>,
  bad: ReadonlyMap<string, BadMark>,
  healthy: Evidence['frontend'],
): Candidate[] {
  return newestFirst(
    releases.map(({ id, revision }) => ({
      ...{ id, revision, live: id === live },
      made: timeOf(id),
      ...optional('bad', bad.get(id)),
      // What `previous` leads to was live, whoever switched it.
      ...optional('healthy', healthy.get(id) ?? (id === previous ? '' : undefined)),
    })),
  )
}

/** `20261122T215430Z-1a2b3c4d` → `2026-11-22T21:54:30Z`. */
const timeOf = (id: string): string =>
  id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-.*$/, '$1-$2-$3T$4:$5:$6Z')

/** The images in the registry, and the one that runs. */
export function backendCandidates(
  tags: readonly Tag[],
  liveTag: string,
  bad: ReadonlyMap<string, BadMark>,
  healthy: Evidence['backend'],
  receipts: readonly Receipt[],
): Candidate[] {
  const revisions = revisionsOf(receipts)
  return newestFirst(
    tags.map(({ name, createdTime }) => ({
      ...{ id: name, made: createdTime, live: name === liveTag },
      revision: revisions.get(name) ?? '',
      ...optional('bad', bad.get(name)),
      ...optional('healthy', healthy.get(name)),
    })),
  )
}

/** The revision that each image was first released from: equal sources have one tag, whatever was committed later. */
function revisionsOf(receipts: readonly Receipt[]): Map<string, string> {
  const oldestFirst = [...receipts].sort((a, b) => (a.started < b.started ? -1 : 1))
  const revisions = new Map<string, string>()
  for (const { image, revision } of oldestFirst) {
    if (image && revision && !revisions.has(tagOf(image))) revisions.set(tagOf(image), revision)
  }
  return revisions
}

/** The tag of the image that codex-backend runs; '' when there is no such group. */
export async function liveTag(azure: Azure): Promise<string> {
  const backend = (await azure.groups()).find(({ name }) => name === groupNames.backend)
  return backend ? tagOf(imageOf(backend)) : ''
}

/** Throws while a release that was interrupted leaves it open which image is the live one. */
export async function mustBeSettled(azure: Azure): Promise<void> {
  if (!(await azure.groups()).some(({ name }) => name === groupNames.surge)) return
  throw usageError(
    `A release was interrupted: ${groupNames.surge} is still there, so "the image before" has no meaning`,
    `Say which image is wanted: ${formatScriptLine('rollback', 'backend', '--to', 'TAG')}   (--list shows them)`,
  )
}

const optional = <Name extends string, Value>(name: Name, value: Value | undefined) =>
  (value === undefined ? {} : { [name]: value }) as { [Key in Name]?: Value }
