import { createReadStream } from 'node:fs'
import path from 'node:path'
import { pipeline, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { type Extract, extract } from 'tar-stream'

/** An image in a file, as `docker save`, `podman save` and `buildah push … oci-archive:FILE` write it. */
export interface ImageArchive {
  /** `REGISTRY/NAME:TAG` when the archive names one. */
  name?: string
  /** The digest that identifies the image: of its configuration, or of its manifest in an OCI archive. */
  digest: string
  /** The files that were asked for, by their path in the image, as the last layer left them. */
  files: Map<string, Buffer>
}

interface Layer {
  removed: string[]
  files: Map<string, Buffer>
}

/** Everything that describes an image is smaller; layers are not kept in memory. */
const largestDescription = 1024 * 1024

const whiteout = '.wh.'
const opaque = '.wh..wh..opq'

/** Reads the files of an image whose path satisfies `wanted`. Throws for a file that is not an archive of one image. */
export async function readImageArchive(
  file: string,
  wanted: (path: string) => boolean,
): Promise<ImageArchive> {
  const descriptions = new Map<string, Buffer>()
  for await (const entry of openArchive(file)) {
    const { name, size = 0 } = entry.header
    if (size <= largestDescription) descriptions.set(clean(name), await buffer(entry))
    else entry.resume()
  }
  const image = findImage(descriptions)
  const layers = new Map<string, Layer>()
  for await (const entry of openArchive(file)) {
    const name = clean(entry.header.name)
    if (image.layers.includes(name)) layers.set(name, await readLayer(entry, wanted))
    else entry.resume()
  }
  const missing = image.layers.filter((name) => !layers.has(name))
  if (missing.length > 0) throw new Error(`${file} lacks a layer of the image: ${missing.join(', ')}`)
  const { name, digest } = image
  const files = mergeLayers(image.layers.map((each) => layers.get(each)!))
  return { ...(name ? { name } : {}), digest, files }
}

interface Description {
  name?: string
  digest: string
  layers: string[]
}

/** `manifest.json` is Docker's, `index.json` that of the OCI image layout; newer Dockers write both. */
function findImage(descriptions: Map<string, Buffer>): Description {
  const parse = <T>(name: string) => JSON.parse(descriptions.get(name)?.toString() ?? 'null') as T | null
  const toPath = (digest: string) => `blobs/${digest.replace(':', '/')}`
  const saved = parse<{ Config: string; RepoTags: string[] | null; Layers: string[] }[]>('manifest.json')
  if (saved) {
    const [image, ...more] = saved
    if (!image || more.length > 0) throw new Error('The archive holds more than one image.')
    const name = image.RepoTags?.[0]
    const digest = `sha256:${path.posix.basename(image.Config, '.json')}`
    return { ...(name ? { name } : {}), digest, layers: image.Layers.map(clean) }
  }
  const index = parse<{ manifests: { digest: string; annotations?: Record<string, string> }[] }>('index.json')
  const [entry, ...more] = index?.manifests ?? []
  if (!entry || more.length > 0) throw new Error('The file is not the archive of one image.')
  const manifest = parse<{ layers?: { digest: string }[] }>(toPath(entry.digest))
  if (!manifest?.layers) throw new Error('The archive is of several platforms; save the image of one.')
  const name = entry.annotations?.['org.opencontainers.image.ref.name']
  const layers = manifest.layers.map(({ digest }) => toPath(digest))
  return { ...(name ? { name } : {}), digest: entry.digest, layers }
}

async function readLayer(packed: AsyncIterable<unknown>, wanted: (path: string) => boolean): Promise<Layer> {
  const layer: Layer = { removed: [], files: new Map() }
  for await (const entry of await openLayer(packed)) {
    const name = clean(entry.header.name)
    const { dir, base } = path.posix.parse(name)
    if (base === opaque) layer.removed.push(`${dir}/`)
    else if (base.startsWith(whiteout)) layer.removed.push(path.posix.join(dir, base.slice(whiteout.length)))
    if (entry.header.type === 'file' && wanted(name)) layer.files.set(name, await buffer(entry))
    else entry.resume()
  }
  return layer
}

/** A tar, and what its first bytes say about its compression. An error of any stream ends the reading. */
async function openLayer(packed: AsyncIterable<unknown>): Promise<Extract> {
  const chunks = packed[Symbol.asyncIterator]()
  const { value: start = Buffer.alloc(0) } = (await chunks.next()) as { value?: Buffer }
  const whole = Readable.from(
    (async function* () {
      yield start
      yield* { [Symbol.asyncIterator]: () => chunks }
    })(),
  )
  const tar = extract()
  const magic = start.subarray(0, 4).toString('hex')
  if (magic.startsWith('1f8b')) pipeline(whole, createGunzip(), tar, () => {})
  else if (magic === '28b52ffd') pipeline(whole, createZstdDecompress(), tar, () => {})
  else pipeline(whole, tar, () => {})
  return tar
}

function openArchive(file: string): Extract {
  const tar = extract()
  pipeline(createReadStream(file), tar, () => {})
  return tar
}

/** What a layer removes concerns only the layers below it (OCI image specification, layer.md, "Whiteouts"). */
function mergeLayers(layers: Layer[]): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  for (const layer of layers) {
    for (const gone of layer.removed)
      for (const name of [...files.keys()])
        if (name === gone || name.startsWith(gone.endsWith('/') ? gone : `${gone}/`)) files.delete(name)
    for (const [name, content] of layer.files) files.set(name, content)
  }
  return files
}

const clean = (name: string) => path.posix.normalize(name).replace(/^\//, '')
