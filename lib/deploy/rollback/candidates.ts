import type { Azure } from '../../azure/client.ts'
import { getImage, getTag, groupNames } from '../../azure/resources/containerGroups.ts'
import type { Tag } from '../../azure/resources/registry.ts'
import { formatScriptLine } from '../../config/config.ts'
import { exitCode, OpsError, usageError } from '../../util/errors.ts'
import { formatTable } from '../../util/format.ts'
import type { BadMark, ReleasePart } from '../../vps/badReleases.ts'
import type { ServerState } from '../../vps/serverState.ts'
import { utc } from '../receipts/history.ts'
import type { Receipt } from '../receipts/receipts.ts'

export interface Candidate {
  /** Release id (frontend) or image tag (backend). */
  id: string
  /** ISO time at which it was published or built. */
  made: string
  /** git revision that it was built from; '' if unknown. */
  revision: string
  live: boolean
  bad?: BadMark
  /** ISO time of its last verification; '' = it was live, but never verified. */
  healthy?: string
}

/** When each release was last verified: ISO time by release id and by image tag. */
export type Evidence = Readonly<Record<ReleasePart, ReadonlyMap<string, string>>>

/**
 * The releases that receipts prove to have worked. An image counts when a successful run released or kept it, and
 * waited until it was healthy or verified it; an image in the registry alone proves nothing. A frontend release counts
 * when such a run verified it as visitors get it, but not when the checks saw only the maintenance page. Receipts only
 * determine what a rollback may select by default; every release is verified again.
 */
export function verifiedReleases(receipts: readonly Receipt[]): Evidence {
  const seen = { frontend: new Map<string, string>(), backend: new Map<string, string>() }
  const note = (part: ReleasePart, id: string, at: string) => {
    if (id !== '' && at > (seen[part].get(id) ?? '')) seen[part].set(id, at)
  }
  for (const receipt of receipts.filter(({ result }) => result === 'done')) {
    const { image, frontend, changed, unchanged, hidden = [], started, seconds } = receipt
    const at = new Date(Date.parse(started) + seconds * 1000).toISOString()
    const verified = [...unchanged, ...changed.map(({ id }) => id)].filter((id) => id.startsWith('verify'))
    const released = changed.find(({ id }) => id === 'backend')
    const inForce = released !== undefined || (verified.length > 0 && unchanged.includes('backend'))
    if (inForce) note('backend', getTag(image || fieldOf(released, 'image')), at)
    if (verified.some((id) => !hidden.includes(id))) note('frontend', frontend, at)
  }
  return seen
}

/** The value that a task set for a field; '' when the task did not run or has no such field. */
function fieldOf(step: Receipt['changed'][number] | undefined, name: string): string {
  const fields = (step?.fields ?? []) as { name?: unknown; after?: unknown }[]
  const after = fields.find((field) => field.name === name)?.after
  return typeof after === 'string' ? after : ''
}

export const newestFirst = (candidates: readonly Candidate[]): Candidate[] =>
  [...candidates].sort((a, b) => (a.made < b.made ? 1 : -1))

/** The named release, or the newest verified one before the live one. Throws (exit 2) when it is bad or missing. */
export function chooseTarget(
  part: ReleasePart,
  candidates: readonly Candidate[],
  to: string | undefined,
): Candidate {
  return to === undefined ? previousRelease(part, candidates) : releaseById(part, candidates, to)
}

const refusal = (what: string, next: string, said: string) =>
  new OpsError({ what, said, next, exitCode: exitCode.usage })

function releaseById(part: ReleasePart, candidates: readonly Candidate[], to: string): Candidate {
  const exact = candidates.filter(({ id }) => id === to)
  const found = exact.length > 0 ? exact : candidates.filter(({ id }) => to !== '' && id.startsWith(to))
  const [target] = found
  if (!target) {
    throw refusal(
      `No ${part} release ${to} found; nothing was changed`,
      formatScriptLine('rollback', part, '--to', 'ID'),
      candidateTable(part, candidates),
    )
  }
  if (found.length > 1) {
    throw usageError(
      `${to} matches ${found.length} releases: ${found.map(({ id }) => id).join(', ')}`,
      'Use a longer prefix.',
    )
  }
  if (target.bad) {
    throw usageError(
      `${target.id} is marked as bad, so no rollback selects it: ${words(target.bad)}`,
      `Choose another (${formatScriptLine('rollback', part, '--list')}). If the mark is wrong: ${formatScriptLine('rollback', part, '--clear-bad', target.id)}`,
    )
  }
  return target
}

function previousRelease(part: ReleasePart, candidates: readonly Candidate[]): Candidate {
  const ordered = newestFirst(candidates)
  const live = ordered.findIndex((candidate) => candidate.live)
  if (live < 0) {
    throw refusal(
      `Could not determine which ${part} release is live, so there is no previous one`,
      formatScriptLine('rollback', part, '--to', 'ID'),
      candidateTable(part, candidates),
    )
  }
  const target = ordered.slice(live + 1).find(isSafe)
  if (target) return target
  if (ordered.length === 1)
    throw usageError(
      `There is no earlier ${part} release than ${ordered[live]!.id}; nothing was changed`,
      `${formatScriptLine(`update-${part}`)} creates a new one`,
    )
  throw refusal(
    `No release before ${ordered[live]!.id} is known to have worked and is not marked bad; nothing was changed`,
    `Name one: ${formatScriptLine('rollback', part, '--to', 'ID')}`,
    candidateTable(part, candidates),
  )
}

const isSafe = ({ bad, healthy }: Candidate): boolean => bad === undefined && Boolean(healthy)

const words = ({ at, why }: BadMark): string => (at ? `${why} (${utc(at)} UTC)` : why)

/** The candidates, newest first. Without all receipts, a release without a date may have been verified nevertheless. */
export function candidateTable(
  part: ReleasePart,
  candidates: readonly Candidate[],
  allReceipts = true,
): string {
  if (candidates.length === 0) return `There are no ${part} releases.`
  return formatTable(
    [
      { heading: part === 'frontend' ? 'Frontend release' : 'Backend image' },
      { heading: part === 'frontend' ? 'Published (UTC)' : 'Built (UTC)' },
      { heading: 'Revision' },
      { heading: 'Last verified (UTC)' },
      { heading: 'State' },
    ],
    newestFirst(candidates).map((candidate) => [
      candidate.id,
      utc(candidate.made),
      candidate.revision || '–',
      healthWords(candidate, allReceipts),
      stateWords(candidate),
    ]),
  )
}

function healthWords({ healthy }: Candidate, allReceipts: boolean): string {
  if (healthy) return utc(healthy)
  if (healthy === '') return 'was live, not verified'
  return allReceipts ? 'never' : 'unknown'
}

function stateWords(candidate: Candidate): string {
  const { live, bad } = candidate
  const parts = [live ? 'live' : '', bad ? `bad: ${words(bad)}` : '']
  if (!live && !bad && !isSafe(candidate)) parts.push('only with --to')
  return parts.filter(Boolean).join('; ')
}

export function frontendCandidates(
  { releases, live, previous }: Pick<ServerState, 'releases' | 'live' | 'previous'>,
  bad: ReadonlyMap<string, BadMark>,
  healthy: Evidence['frontend'],
): Candidate[] {
  return newestFirst(
    releases.map(({ id, revision }) => ({
      ...{ id, revision, live: id === live },
      made: timeOf(id),
      ...optional('bad', bad.get(id)),
      // The target of `previous` was live, no matter who switched it.
      ...optional('healthy', healthy.get(id) ?? (id === previous ? '' : undefined)),
    })),
  )
}

/** `20261122T215430Z-1a2b3c4d` → `2026-11-22T21:54:30Z`. */
const timeOf = (id: string): string =>
  id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-.*$/, '$1-$2-$3T$4:$5:$6Z')

/** The images in the registry, and the running one. */
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

/**
 * The revision that each image was first released from. Equal sources have one tag, no matter what was committed later.
 */
function revisionsOf(receipts: readonly Receipt[]): Map<string, string> {
  const oldestFirst = [...receipts].sort((a, b) => (a.started < b.started ? -1 : 1))
  const revisions = new Map<string, string>()
  for (const { image, revision } of oldestFirst) {
    if (image && revision && !revisions.has(getTag(image))) revisions.set(getTag(image), revision)
  }
  return revisions
}

/** The tag of the image that codex-backend runs; '' when there is no such group. */
export async function liveTag(azure: Azure): Promise<string> {
  const backend = (await azure.groups()).find(({ name }) => name === groupNames.backend)
  return backend ? getTag(getImage(backend)) : ''
}

/** Throws while an interrupted release makes it unclear which image is live. */
export async function assertSettled(azure: Azure): Promise<void> {
  if (!(await azure.groups()).some(({ name }) => name === groupNames.surge)) return
  throw usageError(
    `A release was interrupted and ${groupNames.surge} still exists, so the previous image is ambiguous`,
    `Name the image: ${formatScriptLine('rollback', 'backend', '--to', 'TAG')}   To list the images: ${formatScriptLine('rollback', 'backend', '--list')}`,
  )
}

const optional = <Name extends string, Value>(name: Name, value: Value | undefined) =>
  (value === undefined ? {} : { [name]: value }) as { [Key in Name]?: Value }
