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

export interface Entry {
  sha256: string
  size: number
  /** ISO date since when the release carries over the file without using it; '' for a used file. */
  retired: string
}

/** The files of a release by path with `/`. */
export type Manifest = ReadonlyMap<string, Entry>

/** Formats one line per file: `sha256 size retired path`, where `-` means not retired. */
export const formatManifest = (manifest: Manifest): string =>
  [...manifest]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, { sha256, size, retired }]) => `${sha256} ${size} ${retired || '-'} ${path}\n`)
    .join('')

/** Parses the text form. Throws on an invalid line. */
export function parseManifest(text: string): Manifest {
  const manifest = new Map<string, Entry>()
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const found = /^([0-9a-f]{64}) (\d+) (-|\d{4}-\d{2}-\d{2}) (.+)$/.exec(line)
    if (!found) throw new Error(`not a line of a manifest: ${JSON.stringify(line.slice(0, 200))}`)
    const [, sha256 = '', size = '', retired = '', path = ''] = found
    manifest.set(path, { sha256, size: Number(size), retired: retired === '-' ? '' : retired })
  }
  return manifest
}

/** How to turn a copy of the previous release into the new one, by paths. */
export interface Plan {
  send: string[]
  remove: string[]
  /** Unused files that stay for pages opened before the switch. */
  carried: string[]
  /** Text files that get a .gz on the VPS, for nginx's gzip_static. */
  compress: string[]
  /** All files of the new release, except the .gz that the VPS creates. */
  manifest: Manifest
}

const isHashedAsset = (path: string): boolean => path.startsWith('_next/static/')

/**
 * Lists the files that nginx never serves (templates/site-https.conf): hidden ones, except below /.well-known/, and those
 * below /api/, which goes to the backend.
 */
export const findUnserved = (paths: Iterable<string>): string[] =>
  [...paths].filter((path) => path.startsWith('api/') || /(^|\/)\.(?!well-known\/)/.test(path))

/** Whether the VPS compresses the file if it is large enough. */
export const isText = (path: string): boolean => text.test(path)
const text = /\.(html|txt|css|m?js|json|xml|svg|webmanifest|map|ico|ttf)$/i
const leastSize = 1024

/**
 * Compares the export with the previous release. Files below `_next/static` that are no longer used are carried over for
 * `keepDays`; other unused files are removed at once. The .gz of an unchanged text file is kept.
 */
export function planRelease(
  wanted: ReadonlyMap<string, { sha256: string; size: number }>,
  before: Manifest,
  { now, keepDays }: { now: Date; keepDays: number },
): Plan {
  const manifest = new Map<string, Entry>()
  const send: string[] = []
  const compress: string[] = []
  for (const [path, { sha256, size }] of wanted) {
    manifest.set(path, { sha256, size, retired: '' })
    const same = before.get(path)?.sha256 === sha256
    if (!same) send.push(path)
    const compressed = `${path}.gz`
    if (!isText(path) || size <= leastSize || wanted.has(compressed)) continue
    const known = same ? before.get(compressed) : undefined
    if (known) manifest.set(compressed, { ...known, retired: '' })
    else compress.push(path)
  }
  const today = now.toISOString().slice(0, 10)
  const oldest = new Date(now.getTime() - keepDays * 86_400_000).toISOString().slice(0, 10)
  const carried: string[] = []
  const remove: string[] = []
  for (const [path, entry] of before) {
    if (manifest.has(path)) continue
    const retired = entry.retired || today
    const replaced = path.endsWith('.gz') && wanted.has(path.slice(0, -'.gz'.length))
    if (isHashedAsset(path) && !replaced && retired > oldest && !isBlocked(path, wanted)) {
      carried.push(path)
      manifest.set(path, { ...entry, retired })
    } else remove.push(path)
  }
  return { send: send.sort(), remove: remove.sort(), carried: carried.sort(), compress, manifest }
}

/** A file cannot stay where the export has a folder of that name, nor the reverse. */
const isBlocked = (path: string, wanted: ReadonlyMap<string, unknown>): boolean =>
  [...wanted.keys()].some((other) => other.startsWith(`${path}/`) || path.startsWith(`${other}/`))

/** Lists the addresses whose answer differs between two releases. */
export function getChangedAddresses(before: Manifest, after: Manifest): string[] {
  const paths = new Set([...before.keys(), ...after.keys()])
  const changed = [...paths].filter(
    (path) => !path.endsWith('.gz') && before.get(path)?.sha256 !== after.get(path)?.sha256,
  )
  return [...new Set(changed.flatMap(getAddresses))].sort()
}

function getAddresses(path: string): string[] {
  if (path === 'index.html') return ['/', '/index.html']
  const page = path.replace(/\/index\.html$|\.html$/, '')
  return page === path ? [`/${path}`] : [`/${path}`, `/${page}`]
}
