/** What a published release says of itself in its release.json. */
export interface ReleaseFacts {
  id: string
  /** sha256 over the sources it was built from. */
  source: string
  /** git revision of the sources; '' outside of a repository. */
  revision: string
  builtAt: string
  files: number
  bytes: number
}

export interface Release extends ReleaseFacts {
  /** Marked on the VPS as not to be pruned: the last one that was seen to work (keep.ts). */
  pinned: boolean
}

/** `20261122T215430Z-1a2b3c4d`: sorts by time, names its sources. */
export const createReleaseId = (at: Date, source: string): string =>
  `${at.toISOString().replaceAll(/[-:]/g, '').slice(0, 15)}Z-${source.slice(0, 8)}`

export const isReleaseId = (text: string): boolean => /^\d{8}T\d{6}Z-[0-9a-f]{8}$/.test(text)

/** Reads a release.json; undefined when it is damaged or not one of ours. */
export function parseRelease(id: string, json: string, pinned: boolean): Release | undefined {
  if (!isReleaseId(id)) return undefined
  try {
    const { source, revision, builtAt, files, bytes } = JSON.parse(json) as Partial<ReleaseFacts>
    if (typeof source !== 'string' || typeof builtAt !== 'string') return undefined
    return {
      ...{ id, source, builtAt, pinned },
      revision: String(revision ?? ''),
      files: Number(files ?? 0),
      bytes: Number(bytes ?? 0),
    }
  } catch {
    return undefined
  }
}

/**
 * The releases that may go, oldest first: all but the newest `keep`, the newest `keep` of those that are not bad (bad ones
 * must not push good ones out), the live one, the one that was live before it, and marked ones (the last one that was seen
 * to work). Releases newer than the live one that never went live count among the newest.
 */
export function selectPrunable(
  releases: readonly Pick<Release, 'id' | 'pinned'>[],
  {
    live,
    previous,
    keep,
    bad,
  }: { live: string; previous: string; keep: number; bad: Pick<ReadonlySet<string>, 'has'> },
): string[] {
  const newestFirst = releases.map((release) => release.id).sort((a, b) => (a < b ? 1 : -1))
  const good = newestFirst.filter((id) => !bad.has(id))
  const kept = new Set([live, previous, ...newestFirst.slice(0, keep), ...good.slice(0, keep)])
  for (const release of releases) if (release.pinned) kept.add(release.id)
  return newestFirst.filter((id) => !kept.has(id)).reverse()
}
