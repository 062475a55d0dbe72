import { readFileSync, realpathSync, statSync } from 'node:fs'
import path from 'node:path'
import { type KeyName, keys } from './schema.ts'
import { isReference } from './secret.ts'

/**
 * The files among `.env` and `.env.NAME` that contain a secret and that every user of this machine can read or change.
 * Windows has no such permissions.
 */
export async function findExposedFiles(
  folder: string,
  environment: string,
  platform: NodeJS.Platform = process.platform,
): Promise<string[]> {
  if (platform === 'win32') return []
  const files = environment === 'default' ? ['.env'] : ['.env', `.env.${environment}`]
  // Only a file with wrong permissions is read again.
  const open = files.filter((file) => isOpenToAll(path.join(folder, file)))
  if (open.length === 0) return []
  const { parse } = await import('dotenv')
  return open.filter((file) =>
    Object.entries(parse(readFileSync(path.join(folder, file), 'utf8'))).some(
      ([key, value]) =>
        Object.hasOwn(keys, key) && keys[key as KeyName].secret && value !== '' && !isReference(value),
    ),
  )
}

/** Whether every user may read or write the file and may enter all of its folders. */
function isOpenToAll(file: string): boolean {
  try {
    const real = realpathSync(file)
    if ((statSync(real).mode & 0o006) === 0) return false
    for (let inner = real, outer = path.dirname(inner); outer !== inner; outer = path.dirname(inner)) {
      if ((statSync(outer).mode & 0o001) === 0) return false
      inner = outer
    }
    return true
  } catch {
    // There is no such file; loading it tells.
    return false
  }
}

/** Names the files and the command that closes them. */
export const describeExposed = (files: readonly string[]) => ({
  detail: `${files.join(' and ')} can be read by every user of this machine, and contains secrets`,
  next: `chmod 600 ${files.join(' ')}`,
})
