import { messageOf, OpsError, unknownError } from '../command/errors.ts'
import { formatScriptLine } from '../config/pasteLine.ts'

/** Something is wrong inside the file: SQLite said so, or a check of our own. */
export class DamageError extends Error {}

/** SQLITE_CORRUPT, SQLITE_NOTADB (https://sqlite.org/rescode.html). */
const damage = [11, 26]

const codeOf = (thrown: unknown): number | undefined => {
  const { errcode } = (thrown ?? {}) as { errcode?: number }
  return errcode === undefined ? undefined : errcode & 0xff
}

export const isDamage = (thrown: unknown): boolean =>
  thrown instanceof DamageError || damage.includes(codeOf(thrown) ?? 0)

export const isBusy = (thrown: unknown): boolean => [5, 6].includes(codeOf(thrown) ?? 0)

/** What SQLite or the file system said of the history file, as one sentence and what to do (exit 3). */
export function fileFault(thrown: unknown, file: string, waitMs: number): unknown {
  if (thrown instanceof OpsError) return thrown
  const said = messageOf(thrown)
  const again = 'then run the same line again.'
  if (isDamage(thrown))
    return unknownError(
      `The history ${file} is damaged`,
      said,
      `The next run of ${formatScriptLine('health')}, within the hour, sets it aside and begins a new one.`,
    )
  if (isBusy(thrown))
    return unknownError(
      `The history ${file} was held by another process for ${waitMs / 1000} s`,
      said,
      `See who holds it (fuser ${file}), end it or wait; ${again}`,
    )
  const { code } = (thrown ?? {}) as NodeJS.ErrnoException
  switch (codeOf(thrown) ?? code) {
    case 8:
    case 'EROFS':
      return unknownError(`The history ${file} cannot be written`, said, `Make it writable; ${again}`)
    case 13:
    case 'ENOSPC':
      return unknownError(`There is no room for the history ${file}`, said, `Make room on its disk; ${again}`)
    case 3:
    case 10:
    case 14:
    case 'EACCES':
    case 'EPERM':
    case 'ENOTDIR':
    case 'EEXIST':
    case 'EISDIR':
    case 'EBUSY':
      return unknownError(
        `The history ${file} cannot be opened, or not be read`,
        said,
        `See to its rights and its disk (STATE_DIR names its folder); ${again}`,
      )
  }
  return thrown
}
