import { accessSync, constants } from 'node:fs'
import path from 'node:path'
import { getMessage, usageError } from '../util/errors.ts'
import { makeFolder } from '../util/files.ts'
import type { Config } from './config.ts'
import { fileOfKey } from './envFile.ts'

/**
 * Makes the state folder and sees that something can be written into it. Throws (exit 2) naming key, file and reason.
 *
 * @param needed false: a run that is worth more than its records continues where the folder is only out of order (full,
 *   read-only, a file in its place), and is refused where the system never takes a folder
 */
export async function assertStateDir(config: Config, needed: boolean): Promise<void> {
  const { stateDir, folder, environment } = config
  try {
    makeFolder(stateDir, 0o700)
    accessSync(stateDir, constants.W_OK | constants.X_OK)
  } catch (thrown) {
    // With all its parents there, a folder that is "not there" is one of the kernel's, such as /proc.
    const never = (thrown as NodeJS.ErrnoException).code === 'ENOENT'
    if (!needed && !never) return
    const file = await fileOfKey(folder, environment, 'STATE_DIR')
    throw usageError(
      `${file}: STATE_DIR=${path.dirname(stateDir)} is no folder that can be written: ${getMessage(thrown)}`,
      `Set STATE_DIR in ${file} to a folder that you may write, or leave it out: receipts and transcripts are kept there.`,
    )
  }
}
