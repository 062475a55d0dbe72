import { accessSync, constants } from 'node:fs'
import path from 'node:path'
import { getMessage, usageError } from '../util/errors.ts'
import { makeFolder } from '../util/files.ts'
import type { Config } from './config.ts'

/**
 * Creates the state folder and checks that it is writable. Throws (exit 2) naming key, file and reason.
 * @param needed false for a run that matters more than its records: it continues when the folder is temporarily
 * unusable (full, read-only, a file in its place), and fails only where the system never allows a folder
 */
export async function assertStateDir(config: Config, needed: boolean): Promise<void> {
  const { stateDir, keyFiles } = config
  try {
    makeFolder(stateDir, 0o700)
    accessSync(stateDir, constants.W_OK | constants.X_OK)
  } catch (thrown) {
    // When all parents exist, ENOENT means a file system of the kernel, such as /proc.
    const never = (thrown as NodeJS.ErrnoException).code === 'ENOENT'
    if (!needed && !never) return
    const file = keyFiles.STATE_DIR
    throw usageError(
      `${file}: STATE_DIR=${path.dirname(stateDir)} is not a writable folder: ${getMessage(thrown)}`,
      `Set STATE_DIR in ${file} to a writable folder, or remove it: receipts and transcripts are stored there.`,
    )
  }
}
