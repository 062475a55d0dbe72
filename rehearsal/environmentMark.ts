import { createHash } from 'node:crypto'
import { existsSync, linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { usageError } from '../lib/util/errors.ts'

/*
 * The rehearsal writes `.env.NAME`, and removes only what it wrote. The first line identifies its own
 * files from all others, and whether the rest is what was written.
 */

const markLine = /^# Written by the rehearsal "([^"]+)" \(run ([0-9a-f-]{36}), content ([0-9a-f]{16})\).*\n/

const hashContent = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16)

/** The environment name in `.env.NAME`. */
const getName = (file: string): string => path.basename(file).slice('.env.'.length)

/** The text with a first line that identifies this run. */
export const markEnvironment = (name: string, id: string, text: string): string =>
  `# Written by the rehearsal "${name}" (run ${id}, content ${hashContent(text)}); it removes this file again.\n${text}`

export interface Mark {
  /** The id of the run that wrote it. */
  id: string
  /** Whether somebody has changed it since. */
  changed: boolean
}

/** The mark in the file; undefined if there is no file or no rehearsal of that name wrote it. */
export function readMark(file: string): Mark | undefined {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return undefined
  const text = readFileSync(file, 'utf8')
  const [line = '', name, id = '', content] = markLine.exec(text) ?? []
  // A copy under another name belongs to whoever made it.
  if (name !== getName(file)) return undefined
  return { id, changed: hashContent(text.slice(line.length)) !== content }
}

/** Throws (exit 2) when the existing file was not written by a rehearsal. */
export function assertReplaceable(file: string): void {
  if (isForeign(file)) throw foreignFile(file)
}

/** Whether there is a file that no rehearsal of that name wrote. */
export const isForeign = (file: string): boolean => existsSync(file) && readMark(file) === undefined

const foreignFile = (file: string) =>
  usageError(
    `${file} was not written by a rehearsal, so it is kept`,
    'Choose another name for the rehearsal: --name ANOTHER',
  )

/**
 * Removes the file, if a rehearsal wrote it. A file that was changed since is kept under another name, which
 * `--env` does not accept: its clouds are gone, but additions may be useful. Returns a message, if any.
 * @param id remove the file only if this run wrote it
 */
export function discardEnvironment(file: string, id?: string): string[] {
  const mark = readMark(file)
  if (!mark || (id !== undefined && mark.id !== id)) return []
  if (!mark.changed) {
    rmSync(file, { force: true })
    return []
  }
  for (let number = 1; ; number++) {
    const kept = `${file}.changed${number === 1 ? '' : `-${number}`}`
    if (!linked(file, kept)) continue
    rmSync(file)
    return [`${file} has been changed since the rehearsal wrote it; it is kept as ${kept}`]
  }
}

/** Creates the file; throws (exit 2) if somebody else's file exists by then. */
export function placeEnvironment(file: string, text: string): void {
  const beside = `${file}.${process.pid}.new`
  writeFileSync(beside, text, { mode: 0o600, flag: 'wx' })
  try {
    discardEnvironment(file)
    if (!linked(beside, file)) throw foreignFile(file)
  } finally {
    rmSync(beside, { force: true })
  }
}

/** Gives the file a second name, unless that is taken: link(2) never replaces, rename(2) does. */
function linked(file: string, name: string): boolean {
  try {
    linkSync(file, name)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}
