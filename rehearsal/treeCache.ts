import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolder } from '../lib/util/files.ts'
import { PATH, runOrThrow, TIED } from './processes.ts'

/**
 * Returns the folder `<place>/tree`, which `make` creates if it does not exist yet. Several processes at once create it
 * once. It appears complete or not at all, and one that has since lost files is created again.
 * @param onLine receives the reason why it has to wait or repeat the work
 */
export async function getCachedTree(
  place: string,
  make: (folder: string) => Promise<void>,
  onLine: (line: string) => void,
): Promise<string> {
  const tree = join(place, 'tree')
  if (await isWhole(place)) return tree
  makeFolder(dirname(place), 0o700)
  const unlock = await lock(`${place}.lock`, () =>
    onLine(`Waiting for another process that is creating ${place}`),
  )
  try {
    if (await isWhole(place)) return tree
    if (existsSync(place)) onLine(`${place} is damaged: creating it again`)
    // Only the holder of the lock uses this name, so an existing folder was left by a killed process.
    const unfinished = `${place}.new`
    for (const folder of [unfinished, place]) await rm(folder, { recursive: true, force: true })
    mkdirSync(unfinished)
    try {
      await make(join(unfinished, 'tree'))
      writeFileSync(join(unfinished, 'fingerprint'), await getFingerprint(join(unfinished, 'tree')))
      renameSync(unfinished, place)
    } finally {
      await rm(unfinished, { recursive: true, force: true })
    }
    return tree
  } finally {
    await unlock()
  }
}

async function isWhole(place: string): Promise<boolean> {
  const file = join(place, 'fingerprint')
  if (!existsSync(file) || !existsSync(join(place, 'tree'))) return false
  return readFileSync(file, 'utf8') === (await getFingerprint(join(place, 'tree')))
}

/** Name, type, mode, owner and size of every file: a tenth of a second for a Debian root. */
async function getFingerprint(folder: string): Promise<string> {
  const list = "find . -xdev -type d -printf '%m %U %G %p\\0' -o -printf '%y %m %U %G %s %p\\0'"
  return runOrThrow(['sh', '-euc', `cd "$1"; ${list} | LC_ALL=C sort -z | sha256sum`, 'sh', folder])
}

/** Takes flock(1)'s lock on `file`; it ends with this process at the latest. */
async function lock(file: string, onWait: () => void): Promise<() => Promise<void>> {
  const holder = spawn(TIED[0]!, [...TIED.slice(1), 'flock', file, 'sh', '-c', 'echo held; read end'], {
    env: { PATH },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(holder, 'close')
  const timer = setTimeout(onWait, 1000)
  const held = await Promise.race([once(holder.stdout, 'data').then(() => true), ended.then(() => false)])
  clearTimeout(timer)
  if (!held) throw new Error(`Cannot lock ${file} (flock of the Debian package util-linux).`)
  return async () => {
    holder.stdin.end()
    await ended
  }
}
