import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { mapLimit } from '../../util/concurrency.ts'
import { OpsError } from '../../util/errors.ts'

/** Written into out/ after a build; says which sources it was made of. Not published. */
export const buildNoteName = '.build.json'
/** In the archive of a publish: what goes with the files and is not one of them. */
export const controlFolder = '.publish'
const reserved = new Set(['release.json', controlFolder, buildNoteName])

/** Bytes of an export that stay in memory from hashing to sending; more is read again. */
const memory = 64e6

export interface ExportedFile {
  sha256: string
  size: number
  /** The bytes to send, read when they are needed. */
  read: () => Promise<Buffer>
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
  let room = memory
  const files = await mapLimit(16, paths, async (name) => {
    const file = path.join(folder, ...name.split('/'))
    const content = await readFile(file)
    room -= content.length
    const read = room > 0 ? async () => content : () => readFile(file)
    return [name, { sha256: sha256(content), size: content.length, read }] as const
  })
  return new Map(files)
}

async function walk(folder: string, below: string): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(path.join(folder, below), { withFileTypes: true })) {
    const name = below ? `${below}/${entry.name}` : entry.name
    if (below === '' && entry.name === buildNoteName) continue
    assertPublishableName(folder, name, entry.name)
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
function assertPublishableName(folder: string, name: string, last: string): void {
  const troubles: readonly [found: boolean, trouble: string][] = [
    [reserved.has(name), 'a name that the publisher uses itself'],
    [/[\p{Cc}\u2028\u2029]/u.test(last), 'a control character in its name'],
    [last.includes('\\'), 'a backslash in its name'],
    [last.includes('\ufffd'), 'a name that is not UTF-8'],
    [Buffer.byteLength(last) > 252, 'a name that is too long'],
  ]
  const trouble = troubles.find(([found]) => found)?.[1]
  if (trouble === undefined) return
  throw new OpsError({
    what: `${JSON.stringify(name)} in ${folder} has ${trouble}, so it is not published`,
    next: 'Rename it in the dashboard (public/ or the route), and build again.',
  })
}

export const sha256 = (content: string | Uint8Array): string =>
  createHash('sha256').update(content).digest('hex')
