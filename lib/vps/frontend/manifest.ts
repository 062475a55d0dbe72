/** One file of a release. */
export interface Entry {
  sha256: string
  size: number
  /** When a file that the release no longer uses was carried over: since when, ISO date; else ''. */
  retired: string
}

/** The files of a release by path, `/` between folders. */
export type Manifest = ReadonlyMap<string, Entry>

/** Text form: `sha256 size retired path`, one file a line; `-` stands for not retired. */
export const formatManifest = (manifest: Manifest): string =>
  [...manifest]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, { sha256, size, retired }]) => `${sha256} ${size} ${retired || '-'} ${path}\n`)
    .join('')

/** Reads the text form. Throws on a line that is not one. */
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

/** What has to happen to a copy of the release before to make it the new one. */
export interface Plan {
  /** Paths whose bytes travel. */
  send: string[]
  /** Paths of the copy that go. */
  remove: string[]
  /** Paths that stay for pages that were opened before. */
  carried: string[]
  /** Texts that get a .gz beside them there, for nginx's gzip_static. */
  compress: string[]
  /** All files of the new release, but for the .gz that are made there. */
  manifest: Manifest
}

export const isHashedAsset = (path: string): boolean => path.startsWith('_next/static/')

const text = /\.(html|txt|css|m?js|json|xml|svg|webmanifest|map|ico|ttf)$/i
const leastSize = 1024

/**
 * Compares the export with the release before it. Files below `_next/static` that are no longer used are carried
 * over until they have been out of use for `keepDays`; everything else that is gone goes at once. The .gz of a text that
 * stays as it is stays, too.
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
    if (!text.test(path) || size <= leastSize || wanted.has(compressed)) continue
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

/** A file cannot stay where the export has a folder, nor the other way round. */
function isBlocked(path: string, wanted: ReadonlyMap<string, unknown>): boolean {
  const parts = path.split('/')
  if (parts.some((_part, index) => index > 0 && wanted.has(parts.slice(0, index).join('/')))) return true
  for (const other of wanted.keys()) if (other.startsWith(`${path}/`)) return true
  return false
}

/** Addresses on the site whose answer differs between two releases, as a cache knows them. */
export function getChangedAddresses(before: Manifest, after: Manifest): string[] {
  const paths = new Set([...before.keys(), ...after.keys()])
  const changed = [...paths].filter(
    (path) => !path.endsWith('.gz') && before.get(path)?.sha256 !== after.get(path)?.sha256,
  )
  return [...new Set(changed.flatMap(getAddresses))].sort()
}

function getAddresses(path: string): string[] {
  if (path === 'index.html') return ['/', '/index.html']
  if (path.endsWith('/index.html')) return [`/${path}`, `/${path.slice(0, -'/index.html'.length)}`]
  if (path.endsWith('.html')) return [`/${path}`, `/${path.slice(0, -'.html'.length)}`]
  return [`/${path}`]
}
