import { parseJson } from '../../util/json.ts'
import { formatTimestamp } from '../../util/time.ts'

/** The content of a release.json. */
export interface ReleaseFacts {
  id: string
  /** SHA-256 of the sources. */
  source: string
  /** The sources' git revision; '' without a repository. */
  revision: string
  builtAt: string
  files: number
  bytes: number
}

export interface Release extends ReleaseFacts {
  /** The last verified release, which is never pruned (switch.ts). */
  pinned: boolean
}

/** `20261122T215430Z-1a2b3c4d`: sorts by time, and names its sources. */
export const createReleaseId = (at: Date, source: string): string =>
  `${formatTimestamp(at)}-${source.slice(0, 8)}`

const isReleaseId = (text: string): boolean => /^\d{8}T\d{6}Z-[0-9a-f]{8}$/.test(text)

/** Parses a release.json; undefined when it is damaged or not written by this tool. */
export function parseRelease(id: string, json: string, pinned: boolean): Release | undefined {
  const { source, revision, builtAt, files, bytes } = parseJson<Partial<ReleaseFacts>>(json) ?? {}
  if (!isReleaseId(id) || typeof source !== 'string' || typeof builtAt !== 'string') return undefined
  return {
    ...{ id, source, builtAt, pinned },
    revision: String(revision ?? ''),
    files: Number(files ?? 0),
    bytes: Number(bytes ?? 0),
  }
}

/**
 * Lists the releases to remove, oldest first. It keeps the newest `keep`, the newest `keep` of those that are not bad (so
 * that bad ones do not displace good ones), the live one, the previous one, and the pinned one.
 */
export function selectPrunable(
  releases: readonly Pick<Release, 'id' | 'pinned'>[],
  kept: { live: string; previous: string; keep: number; bad: Pick<ReadonlySet<string>, 'has'> },
): string[] {
  const { live, previous, keep, bad } = kept
  const newestFirst = releases.map((release) => release.id).sort((a, b) => (a < b ? 1 : -1))
  const good = newestFirst.filter((id) => !bad.has(id))
  const pinned = releases.filter((release) => release.pinned).map(({ id }) => id)
  const stays = [live, previous, ...pinned, ...newestFirst.slice(0, keep), ...good.slice(0, keep)]
  return newestFirst.filter((id) => !stays.includes(id)).reverse()
}
