import { imageReference } from './images.ts'

/**
 * The Python images of Microsoft's registry. Its mirror of Docker Hub has only some tags: these are the ones that public
 * Dockerfiles build on (Azure/azure-cli#29304, Azure/azure-functions-docker#731), and no list of them is public.
 */
const microsoft: Record<string, RegExp> = {
  'devcontainers/python': /./,
  'azurelinux/base/python': /^3\.12$/,
  'mirror/docker/library/python': /^3\.(9-slim|10-slim|11|11-slim)$/,
}

const dockerHub = /^(library\/)?python$/

/** Whether a registry has this Python image; undefined when it is another image. Debian's Python represents all of them. */
export function hasPythonImage(name: string): boolean | undefined {
  const { host, repository, reference } = imageReference(name)
  if (host === 'docker.io') return dockerHub.test(repository) || undefined
  if (host === 'public.ecr.aws') return repository === 'docker/library/python' || undefined
  if (host !== 'mcr.microsoft.com') return undefined
  return reference.startsWith('sha256:')
    ? Object.hasOwn(microsoft, repository)
    : microsoft[repository]?.test(reference)
}
