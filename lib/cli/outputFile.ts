import { statSync } from 'node:fs'
import path from 'node:path'
import { getMessage, usageError } from '../util/errors.ts'
import { writeAtomically } from '../util/files.ts'

/** Checks a file that the operator named for a result, as with `--html FILE`. Throws (exit 2) when it cannot be written. */
export function assertOutputFile(flag: string, file: string): void {
  const folder = path.dirname(path.resolve(file))
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw usageError(`${flag}=${file}: no such folder: ${folder}`, 'Name a file in an existing folder.')
  }
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
    throw usageError(`${flag}=${file} is a folder`, 'Name a file, such as page.html.')
  }
}

/**
 * Writes a result atomically: a reader sees either the old file or the new one. Throws (exit 2) when it
 * cannot be written.
 */
export function writeOutputFile(flag: string, file: string, text: string): void {
  try {
    writeAtomically(file, text)
  } catch (thrown) {
    throw usageError(`${flag}=${file} cannot be written: ${getMessage(thrown)}`)
  }
}
