import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { mapLimit } from '../../util/concurrency.ts'
import { OpsError } from '../../util/errors.ts'
import { hashFile } from '../../util/files.ts'
import { isText } from './release.ts'

/** Written into out/ after a build, with the hash of its sources. Not published. */
export const buildNoteName = '.build.json'
/** The folder for data about the release in the archive of an upload. */
export const controlFolder = '.publish'
const reserved = new Set(['release.json', controlFolder, buildNoteName])

/** How many bytes of an export stay in memory from hashing to sending; the rest is read again. */
const memory = 16e6

export interface ExportedFile {
  sha256: string
  size: number
  read: () => Promise<Buffer>
  /** Where the content is, to read a large one in parts. */
  file?: string
}

/** Reads the files of a static export, by path with `/`. Throws when one is missing or cannot be published. */
export async function readExport(folder: string): Promise<Map<string, ExportedFile>> {
  const paths = await walk(folder, '').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
    throw new OpsError({
      what: `The build did not create ${folder}`,
      next: "Set `output: 'export'` in next.config for a static export, and run the build again.",
    })
  })
  if (paths.length === 0) {
    throw new OpsError({
      what: `${folder} is empty, so there is nothing to publish`,
      next: 'Check the build: npm run build',
    })
  }
  for (const page of ['index.html', '404.html']) {
    if (paths.includes(page)) continue
    throw new OpsError({
      what: `${folder} has no ${page}`,
      next:
        page === '404.html'
          ? 'Add app/not-found.tsx to the dashboard: nginx serves it for unknown addresses.'
          : 'The dashboard needs a start page (app/page.tsx).',
    })
  }
  let room = memory
  const files = await mapLimit(16, paths, async (name) => {
    const file = path.join(folder, ...name.split('/'))
    const { content, ...known } = await hashFile(file, room)
    room -= content?.length ?? 0
    return [name, { ...known, read: content ? async () => content : () => readFile(file), file }] as const
  })
  return new Map(files)
}

async function walk(folder: string, below: string): Promise<string[]> {
  const found: string[] = []
  const entries = await readdir(path.join(folder, below), { withFileTypes: true })
  const files = new Set(entries.filter((entry) => entry.isFile()).map((entry) => entry.name))
  for (const entry of entries) {
    const name = below ? `${below}/${entry.name}` : entry.name
    if (below === '' && entry.name === buildNoteName) continue
    const text = entry.name.slice(0, -'.gz'.length)
    const inPlace = entry.isDirectory() && entry.name.endsWith('.gz') && isText(text) && files.has(text)
    assertPublishableName(folder, name, inPlace ? text : '')
    if (entry.isDirectory()) found.push(...(await walk(folder, name)))
    else if (entry.isFile()) found.push(name)
    else {
      throw new OpsError({
        what: `${JSON.stringify(name)} in ${folder} is ${entry.isSymbolicLink() ? 'a symbolic link' : 'not a plain file'}, and only plain files are published`,
        next: 'Replace it with the file itself (in public/ of the dashboard), and build again.',
      })
    }
  }
  return found.sort()
}

/** gzip on the VPS takes no path of 1024 bytes or more (MAX_PATH_LEN in gzip.c), here with `./` and `.gz`. */
const longestPath = 1000

/**
 * Allows spaces, quotes and letters of any script, but nothing that would break a line of the manifest or a path.
 * @param text the file next to a folder that has the name of its compressed copy; '' for none
 */
function assertPublishableName(folder: string, name: string, text: string): void {
  const last = path.posix.basename(name)
  const troubles: readonly [found: boolean, trouble: string][] = [
    [reserved.has(name), 'a name that is reserved for the upload'],
    [/[\p{Cc}\u2028\u2029]/u.test(last), 'a control character in its name'],
    [last.includes('\\'), 'a backslash in its name'],
    [last.includes('\ufffd'), 'a name that is not UTF-8'],
    [Buffer.byteLength(last) > 252, 'a name that is too long'],
    [Buffer.byteLength(name) > longestPath, `a path of more than ${longestPath} bytes`],
    [text !== '', `the name that the compressed copy of ${JSON.stringify(text)} needs`],
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
