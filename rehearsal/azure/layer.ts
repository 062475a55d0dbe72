import { lstatSync, readdirSync, type Stats } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Machine } from '../machine.ts'
import type { Finished } from '../processes.ts'
import type { Image } from './images.ts'

/** What a build changed, as sorted paths below `/`. The bytes of a name are kept as latin1 characters. */
export interface Layer {
  written: string[]
  /** Files and folders of the root that were removed or replaced by another type. */
  removed: string[]
}

/**
 * Reads a layer from the three sides of an overlay.
 * @param upper the upper layer: everything that was written, and marks for what was removed
 * @param lower the root below it
 * @param merged both together, as the machine sees them
 * @param isLeftOut whether a path, with everything below it, is excluded from the image
 */
export function readLayer(
  { upper, lower, merged }: { upper: string; lower: string; merged: string },
  isLeftOut: (path: string) => boolean,
): Layer {
  const layer: Layer = { written: [], removed: [] }
  const visit = (folder: string, isInLower: boolean) => {
    const written = listNames(upper, folder)
    if (isInLower) {
      const left = new Set(listNames(merged, folder))
      const gone = listNames(lower, folder).filter((name) => !left.has(name))
      layer.removed.push(...gone.map((name) => join(folder, name)).filter((path) => !isLeftOut(path)))
    }
    for (const path of written.map((name) => join(folder, name))) {
      const stats = getStats(upper, path)!
      if (isLeftOut(path) || isWhiteout(stats)) continue
      const below = isInLower ? getStats(lower, path) : undefined
      const isFolder = stats.isDirectory()
      if (below && below.isDirectory() !== isFolder) layer.removed.push(path)
      layer.written.push(path)
      if (isFolder) visit(path, below?.isDirectory() ?? false)
    }
  }
  visit('', true)
  // By bytes, as latin1 sorts, so that a folder precedes its content.
  return { written: layer.written.sort(), removed: layer.removed.sort() }
}

/** Overlayfs marks a removed file with a character device 0/0 in the upper layer (kernel documentation, overlayfs). */
function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0
}

function listNames(root: string, folder: string): string[] {
  return readdirSync(getPath(root, folder), 'latin1')
}

function getStats(root: string, path: string): Stats | undefined {
  return lstatSync(getPath(root, path), { throwIfNoEntry: false })
}

function getPath(root: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')])
}

const join = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`)

/** A list in the form that `tar --null -T -` and `xargs -0` read. */
export const formatList = (paths: string[]): Buffer =>
  Buffer.from(paths.map((path) => `${path}\0`).join(''), 'latin1')

/** Gives the machine, which starts from the image root, the content of the image. */
export async function unpackImage(machine: Machine, image: Image): Promise<Finished> {
  if (image.removed.length > 0) {
    const argv = ['xargs', '-0', 'rm', '-rf', '--']
    const removing = await machine.run(argv, { cwd: '/', input: formatList(image.removed) })
    if (removing.code !== 0) return removing
  }
  const argv = ['tar', '--numeric-owner', '-xpf', '-', '-C', '/']
  return machine.run(argv, { input: await readFile(image.archive) })
}
