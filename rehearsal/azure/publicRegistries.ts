import { join } from 'node:path'
import { builderFolders } from '../roots.ts'
import { hasPythonImage } from './baseImages.ts'
import { readLayout } from './blobStore.ts'
import { parsePath, problem, sendBlob, sendManifest } from './distribution.ts'
import type { Call, Reply } from './http.ts'
import type { World } from './world.ts'

const dockerHub = 'registry-1.docker.io'

/** The hosts that Dockerfiles may name in `FROM`. */
export const publicRegistries = [dockerHub, 'mcr.microsoft.com', 'public.ecr.aws']

/** Before the digest, in the tag that stands for it. */
export const pinned = 'sha256-'

/** Every Python image (baseImages.ts) is the stand-in for the base image (roots.ts); there is no other one. */
export function publicRegistry(world: World, call: Call): Reply {
  const { name, kind, reference } = parsePath(call.path.slice('/v2/'.length))
  if (kind === undefined) return { status: 200, body: {} }
  if (call.host === dockerHub && world.faults.has('docker-hub-limit'))
    // Without a time, the client waits for half a minute before it gives up.
    return problem(
      429,
      'TOOMANYREQUESTS',
      'You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit',
      { 'Retry-After': '0' },
    )
  const has = hasPythonImage(getImageName(call.host, name, reference))
  if (kind === 'manifests' && !has)
    return problem(
      404,
      'MANIFEST_UNKNOWN',
      has === false
        ? `manifest tagged by "${reference}" is not found`
        : 'The rehearsal builds on Python images (mcr.microsoft.com/…/python) and on images of its registry.',
    )
  const { digest, text, blob } = readLayout(join(world.roots.builder, builderFolders.layout))
  return kind === 'blobs' ? sendBlob(blob({ digest: reference })) : sendManifest(digest, text)
}

function getImageName(host: string, repository: string, reference: string): string {
  const name = `${host === dockerHub ? 'docker.io' : host}/${repository}`
  return reference.startsWith(pinned)
    ? `${name}@sha256:${reference.slice(pinned.length)}`
    : `${name}:${reference}`
}
