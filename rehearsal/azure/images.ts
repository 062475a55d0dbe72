/** An image as the rehearsal stores it. */
export interface Image {
  /** Of the manifest. */
  digest: string
  /** The manifest as buildah wrote it (OCI image specification, manifest.md). */
  manifest: string
  /** What containers use of the configuration (OCI image specification, config.md). */
  config: { Env?: string[]; Entrypoint?: string[]; Cmd?: string[]; WorkingDir?: string; User?: string }
  /** The tar archives of the layers above the stand-in for the base image (roots.ts). */
  layers: string[]
  size: number
  createdAt: Date
}

export interface Tag {
  name: string
  digest: string
  createdAt: Date
  updatedAt: Date
}

export interface Repository {
  name: string
  createdAt: Date
  tags: Map<string, Tag>
  images: Map<string, Image>
}

/**
 * Splits `host/repository:tag` or `host/repository@sha256:…` into its parts; the default tag is `latest`. With a digest, a tag
 * says nothing.
 */
export function imageReference(text: string): { host: string; repository: string; reference: string } {
  const slash = text.indexOf('/')
  const first = slash < 0 ? '' : text.slice(0, slash)
  const named = /[.:]/.test(first) || first === 'localhost'
  const rest = named ? text.slice(slash + 1) : text
  const at = rest.indexOf('@')
  const colon = rest.lastIndexOf(':')
  const host = named ? first.toLowerCase() : 'docker.io'
  if (at >= 0)
    return { host, repository: rest.slice(0, at).replace(/:.*/, ''), reference: rest.slice(at + 1) }
  if (colon >= 0) return { host, repository: rest.slice(0, colon), reference: rest.slice(colon + 1) }
  return { host, repository: rest, reference: 'latest' }
}

export function findImage(
  repositories: Map<string, Repository>,
  name: string,
  reference: string,
): Image | undefined {
  const repository = repositories.get(name)
  const digest = reference.startsWith('sha256:') ? reference : repository?.tags.get(reference)?.digest
  return digest === undefined ? undefined : repository?.images.get(digest)
}

/** Stores an image under its tag; the same digest is stored once. */
export function pushImage(
  repositories: Map<string, Repository>,
  name: string,
  tag: string,
  image: Image,
): void {
  const now = new Date()
  const repository = repositories.get(name) ?? { name, createdAt: now, tags: new Map(), images: new Map() }
  repositories.set(name, repository)
  if (!repository.images.has(image.digest)) repository.images.set(image.digest, image)
  const before = repository.tags.get(tag)
  repository.tags.set(tag, {
    name: tag,
    digest: image.digest,
    createdAt: before?.createdAt ?? now,
    updatedAt: now,
  })
}
