import { mkdirSync, statSync } from 'node:fs'
import path from 'node:path'

/**
 * Makes a folder and its missing parents. Throws the system's own error.
 *
 * Node's recursive mkdir takes ENOENT for a missing parent and tries again without end, deaf to every signal, where the
 * parent is there and the system says ENOENT all the same: below /proc, behind a dangling link. Here a parent is made
 * once, and what fails after that has failed. (The same loop on Windows: https://github.com/nodejs/node/pull/27207.)
 */
export function makeFolder(folder: string, mode = 0o777): void {
  if (isFolder(folder)) return
  const parent = path.dirname(folder)
  if (!isFolder(parent) && parent !== folder) makeFolder(parent, mode)
  try {
    mkdirSync(folder, { mode })
  } catch (thrown) {
    // Another process has made it meanwhile.
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST' || !isFolder(folder)) throw thrown
  }
}

/** Behind a file instead of a folder there is nothing, either. */
function isFolder(folder: string): boolean {
  try {
    return statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true
  } catch {
    return false
  }
}
