import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { posix } from 'node:path'
import { extract } from 'tar-stream'
import type { Machine } from '../machine.ts'
import type { Finished } from '../processes.ts'
import type { Image } from './images.ts'

const mark = '.wh.'
const opaque = '.wh..wh..opq'

/** Gives the machine, which starts from the root of the images, the content of the image. */
export async function unpackImage(machine: Machine, image: Image): Promise<Finished> {
  let last: Finished = { code: 0, stdout: '', stderr: '' }
  for (const layer of image.layers) {
    const removed = await findRemoved(layer)
    if (removed.length > 0) {
      const argv = ['xargs', '-0', 'rm', '-rf', '--']
      last = await machine.run(argv, { cwd: '/', input: removed.map((path) => `${path}\0`).join('') })
      if (last.code !== 0) return last
    }
    const argv = ['tar', '--numeric-owner', `--exclude=${mark}*`, '-xpf', '-', '-C', '/']
    last = await machine.run(argv, { input: await readFile(layer) })
    if (last.code !== 0) return last
  }
  return last
}

/**
 * The paths that a layer removes (OCI image specification, layer.md, "Whiteouts") or replaces: a file may replace a
 * folder.
 */
export async function findRemoved(layer: string): Promise<string[]> {
  const removed: string[] = []
  for await (const entry of createReadStream(layer).pipe(extract())) {
    const { name, type } = entry.header
    const { dir, base } = posix.parse(name)
    if (base === opaque) removed.push(dir)
    else if (base.startsWith(mark)) removed.push(posix.join(dir, base.slice(mark.length)))
    else if (type !== 'directory') removed.push(name)
    entry.resume()
  }
  return removed
}
