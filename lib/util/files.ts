import { createHash } from 'node:crypto'
import { chownSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import path from 'node:path'

const blockSize = 256 * 1024
/** Blocks that no file uses now. New memory for each file would stay until the next garbage collection. */
const blocks: Buffer[] = []

/**
 * Size and SHA-256 (hexadecimal) of a file of any size; one block of it is in memory at a time.
 * @param keep also returns the content if it has at most this many bytes and fits into one block
 */
export async function hashFile(
  file: string,
  keep = 0,
): Promise<{ sha256: string; size: number; content?: Buffer }> {
  const hash = createHash('sha256')
  const handle = await open(file)
  const block = blocks.pop() ?? Buffer.allocUnsafe(blockSize)
  try {
    let size = 0
    let read = 0
    do {
      read = (await handle.read(block, 0, blockSize)).bytesRead
      hash.update(block.subarray(0, read))
      size += read
    } while (read > 0)
    const isWhole = size <= keep && size < blockSize
    return {
      sha256: hash.digest('hex'),
      size,
      ...(isWhole ? { content: Buffer.from(block.subarray(0, size)) } : {}),
    }
  } finally {
    blocks.push(block)
    await handle.close()
  }
}

/** SHA-256 of a file of any size, in hexadecimal. */
export const sha256OfFile = async (file: string): Promise<string> => (await hashFile(file)).sha256

/**
 * Replaces or creates a file atomically: a reader sees either the old content or the new one, even after a power
 * failure. Throws the file system's own error and then leaves the file unchanged.
 * @param options.owner the owner of the new file (default: the user of this process)
 * @param options.check called just before the new content is put in place; if it throws, the file stays unchanged
 */
export function writeAtomically(
  file: string,
  content: string,
  options: { mode?: number; owner?: { uid: number; gid: number }; check?: () => void } = {},
): void {
  const { mode = 0o666, owner, check } = options
  const beside = `${file}.${process.pid}.new`
  // Left behind by an earlier process with the same id that was killed.
  rmSync(beside, { force: true })
  try {
    writeFileSync(beside, content, { mode, flag: 'wx', flush: true })
    const written = statSync(beside)
    if (owner && (written.uid !== owner.uid || written.gid !== owner.gid))
      chownSync(beside, owner.uid, owner.gid)
    check?.()
    renameSync(beside, file)
  } catch (thrown) {
    rmSync(beside, { force: true })
    throw thrown
  }
}

/** Removes all but the newest `kept` files with this ending. Their names begin with a time, so they sort by age. */
export function keepNewest(folder: string, ending: string, kept: number): void {
  const names = readdirSync(folder).filter((name) => name.endsWith(ending))
  for (const name of names.sort().slice(0, Math.max(0, names.length - kept)))
    rmSync(path.join(folder, name), { force: true })
}

/**
 * Creates a folder and its missing parents. Throws the system's own error.
 *
 * Node's recursive mkdir takes ENOENT to mean a missing parent. Where the parent exists and the system still
 * reports ENOENT (below /proc, behind a dangling link), it retries forever and ignores every signal. This
 * function creates a parent once and then fails. (The same loop on Windows:
 * https://github.com/nodejs/node/pull/27207.)
 */
export function makeFolder(folder: string, mode = 0o777): void {
  if (isFolder(folder)) return
  const parent = path.dirname(folder)
  if (!isFolder(parent) && parent !== folder) makeFolder(parent, mode)
  try {
    mkdirSync(folder, { mode })
  } catch (thrown) {
    // Another process has created it in the meantime.
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST' || !isFolder(folder)) throw thrown
  }
}

/** A path below a file is not a folder either: stat throws ENOTDIR. */
function isFolder(folder: string): boolean {
  try {
    return statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true
  } catch {
    return false
  }
}
