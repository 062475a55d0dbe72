import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { gzip } from 'node:zlib'
import { OpsError } from '../command/errors.ts'
import { inParallel } from '../command/queue.ts'
import type { Manifest } from './manifest.ts'

/** Written into out/ after a build; says which sources it was made of. Not published. */
export const buildNote = '.build.json'
const reserved = new Set(['release.json', buildNote])

export interface ExportedFile {
  sha256: string
  size: number
  /** The bytes to send, read when they are needed. */
  read: () => Promise<Buffer>
  /** Made here by compressing the file of this name. */
  gzipOf?: string
}

/**
 * All files of a static export, by path with `/`.
 * Throws, naming them, when there is none, when pages that the site needs are missing, or when a name or a kind of file
 * could not be published faithfully.
 */
export async function readExport(folder: string): Promise<Map<string, ExportedFile>> {
  const paths = await walk(folder, '').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
    throw new OpsError({
      what: `The build left no ${folder}`,
      next: "A static export is needed: set `output: 'export'` in next.config, and run the build again.",
    })
  })
  if (paths.length === 0) {
    throw new OpsError({
      what: `${folder} is empty, so there is nothing to publish`,
      next: `Look at the build: npm run build`,
    })
  }
  for (const page of ['index.html', '404.html']) {
    if (paths.includes(page)) continue
    throw new OpsError({
      what: `${folder} has no ${page}`,
      next:
        page === '404.html'
          ? 'Add app/not-found.tsx to the dashboard: nginx answers unknown addresses with it.'
          : 'The dashboard needs a start page (app/page.tsx).',
    })
  }
  const files = await inParallel(16, paths, async (name) => {
    const file = path.join(folder, ...name.split('/'))
    const content = await readFile(file)
    return [name, { sha256: sha256(content), size: content.length, read: () => readFile(file) }] as const
  })
  return new Map(files)
}

const compressible = /\.(html|txt|css|m?js|json|xml|svg|webmanifest|map|ico|ttf)$/i
const leastSize = 1024

/**
 * The export with a .gz beside each text of more than 1 kB, which nginx serves as it is (gzip_static).
 * Where the release before has the same text, its .gz is taken as read: nothing is compressed twice.
 */
export async function withCompressed(
  files: ReadonlyMap<string, ExportedFile>,
  before: Manifest,
): Promise<Map<string, ExportedFile>> {
  const all = new Map(files)
  const texts = [...files].filter(
    ([name, { size }]) => compressible.test(name) && size > leastSize && !files.has(`${name}.gz`),
  )
  await inParallel(4, texts, async ([name, file]) => {
    const compress = async () => squeeze(await file.read())
    const known = before.get(name)?.sha256 === file.sha256 ? before.get(`${name}.gz`) : undefined
    if (known) {
      all.set(`${name}.gz`, { sha256: known.sha256, size: known.size, read: compress, gzipOf: name })
      return
    }
    const content = await compress()
    if (content.length >= file.size) return
    const made = { sha256: sha256(content), size: content.length, gzipOf: name }
    all.set(`${name}.gz`, { ...made, read: async () => content })
  })
  return all
}

const squeeze = (content: Buffer): Promise<Buffer> =>
  new Promise((resolve, reject) =>
    gzip(content, { level: 9 }, (error, result) => (error ? reject(error) : resolve(result))),
  )

async function walk(folder: string, below: string): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(path.join(folder, below), { withFileTypes: true })) {
    const name = below ? `${below}/${entry.name}` : entry.name
    if (below === '' && entry.name === buildNote) continue
    refuseName(folder, name, entry.name)
    if (entry.isDirectory()) found.push(...(await walk(folder, name)))
    else if (entry.isFile()) found.push(name)
    else {
      throw new OpsError({
        what: `${JSON.stringify(name)} in ${folder} is ${entry.isSymbolicLink() ? 'a symbolic link' : 'not a plain file'}, and only plain files are published`,
        next: 'Replace it by the file itself (in public/ of the dashboard), and build again.',
      })
    }
  }
  return found.sort()
}

/** Spaces, quotes and letters of any script are fine; what would break a line of the manifest or a path is not. */
function refuseName(folder: string, name: string, last: string): void {
  const trouble = reserved.has(name)
    ? 'a name that the publisher uses itself'
    : /[\p{Cc}\u2028\u2029]/u.test(last)
      ? 'a control character in its name'
      : last.includes('\\')
        ? 'a backslash in its name'
        : last.includes('\ufffd')
          ? 'a name that is not UTF-8'
          : Buffer.byteLength(last) > 252
            ? 'a name that is too long'
            : undefined
  if (trouble === undefined) return
  throw new OpsError({
    what: `${JSON.stringify(name)} in ${folder} has ${trouble}, so it is not published`,
    next: 'Rename it in the dashboard (public/ or the route), and build again.',
  })
}

export const sha256 = (content: string | Uint8Array): string =>
  createHash('sha256').update(content).digest('hex')
