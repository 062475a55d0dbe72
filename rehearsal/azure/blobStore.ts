import { copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { builderFolders } from '../roots.ts'
import type { Image } from './images.ts'
import type { World } from './world.ts'

interface Descriptor {
  digest: string
  size: number
}

/** The file of a layer or a configuration. */
export const getBlobFile = (world: World, digest: string): string =>
  join(world.folder, 'images', digest.replace(/[^a-z0-9:]/g, ''))

/** Keeps the image that buildah has written to a folder. */
export function takeImage(world: World, folder: string): Image {
  const base = readLayout(join(world.roots.builder, builderFolders.layout)).manifest.layers
  const { digest, text, manifest, blob } = readLayout(folder)
  const own = manifest.layers.filter((layer) => !base.some((each) => each.digest === layer.digest))
  mkdirSync(join(world.folder, 'images'), { recursive: true, mode: 0o700 })
  for (const each of [manifest.config, ...own]) copyFileSync(blob(each), getBlobFile(world, each.digest))
  const { config } = JSON.parse(readFileSync(blob(manifest.config), 'utf8'))
  return {
    digest,
    manifest: text,
    config,
    layers: own.map((each) => getBlobFile(world, each.digest)),
    size: own.reduce((sum, { size }) => sum + size, 0),
    createdAt: new Date(),
  }
}

/** Reads the only image of a layout (OCI image specification, image-layout.md). */
export function readLayout(folder: string): {
  digest: string
  text: string
  manifest: { config: Descriptor; layers: Descriptor[] }
  /** The file of one of its digests. */
  blob(of: Pick<Descriptor, 'digest'>): string
} {
  const blob = ({ digest }: Pick<Descriptor, 'digest'>) =>
    join(folder, 'blobs/sha256', digest.replace(/^sha256:|[^a-z0-9]/g, ''))
  const index: { manifests: [Descriptor] } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'))
  const { digest } = index.manifests[0]
  const text = readFileSync(blob({ digest }), 'utf8')
  return { digest, text, manifest: JSON.parse(text), blob }
}
