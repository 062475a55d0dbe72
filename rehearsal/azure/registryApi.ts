import { getBlobFile } from './blobStore.ts'
import { configType, manifestType, parsePath, problem, sendBlob, sendManifest } from './distribution.ts'
import type { Call, Reply } from './http.ts'
import { findImage, type Image, type Repository, type Tag } from './images.ts'
import type { Bag } from './json.ts'
import { issueToken, tokenClaims } from './login.ts'
import { findRegistry, isAdmin, type RegistryState } from './providers/registry.ts'
import type { Resource, World } from './world.ts'

const unauthorized = (host: string): Reply =>
  problem(
    401,
    'UNAUTHORIZED',
    'authentication required, visit https://aka.ms/acr/authorization for more information.',
    {
      'Www-Authenticate': `Bearer realm="https://${host}/oauth2/token",service="${host}"`,
      'Docker-Distribution-Api-Version': 'registry/2.0',
    },
  )

/** `POST /oauth2/exchange` and `POST|GET /oauth2/token`. Source: ACR's documentation "docs/AAD-OAuth.md". */
function oauth(world: World, registry: Resource, call: Call): Reply {
  const form = call.method === 'GET' ? call.query : new URLSearchParams(call.body.toString())
  if (call.path === '/oauth2/exchange') {
    if (!tokenClaims(world, form.get('access_token') ?? '', 'management'))
      return problem(
        401,
        'UNAUTHORIZED',
        'The access token could not be exchanged: it is not valid for this registry.',
      )
    return { status: 200, body: { refresh_token: issueToken(world, `${call.host}/refresh`) } }
  }
  const basic = Buffer.from((call.headers.authorization ?? '').replace(/^Basic /, ''), 'base64').toString()
  const [user, password] = [
    form.get('username') ?? basic.split(':')[0] ?? '',
    form.get('password') ?? basic.slice(basic.indexOf(':') + 1),
  ]
  const refresh =
    form.get('refresh_token') ?? (user === '00000000-0000-0000-0000-000000000000' ? password : undefined)
  const allowed = refresh
    ? tokenClaims(world, refresh, `${call.host}/refresh`) !== undefined
    : isAdmin(registry, user, password)
  if (!allowed)
    return problem(401, 'UNAUTHORIZED', 'The provided credentials are not valid for this registry.')
  return {
    status: 200,
    body: { access_token: issueToken(world, call.host, { scope: form.get('scope') ?? '' }) },
  }
}

function mayRead(world: World, registry: Resource, call: Call): boolean {
  const [scheme, value = ''] = (call.headers.authorization ?? '').split(' ')
  if (scheme === 'Bearer') return tokenClaims(world, value, call.host) !== undefined
  if (scheme !== 'Basic') return false
  const [user = '', ...rest] = Buffer.from(value, 'base64').toString().split(':')
  const password = rest.join(':')
  if (user === '00000000-0000-0000-0000-000000000000')
    return tokenClaims(world, password, `${call.host}/refresh`) !== undefined
  return isAdmin(registry, user, password)
}

const changeable = { deleteEnabled: true, writeEnabled: true, readEnabled: true, listEnabled: true }

const showTag = (tag: Tag): Bag => ({
  name: tag.name,
  digest: tag.digest,
  createdTime: tag.createdAt.toISOString(),
  lastUpdateTime: tag.updatedAt.toISOString(),
  signed: false,
  changeableAttributes: changeable,
})

const showManifest = (repository: Repository, image: Image): Bag => ({
  digest: image.digest,
  imageSize: image.size,
  createdTime: image.createdAt.toISOString(),
  lastUpdateTime: image.createdAt.toISOString(),
  architecture: 'amd64',
  os: 'linux',
  mediaType: manifestType,
  configMediaType: configType,
  tags: [...repository.tags.values()].filter(({ digest }) => digest === image.digest).map(({ name }) => name),
  changeableAttributes: changeable,
})

/**
 * Sorted with the newest last, or by the time of the last update on request; `last` and `n` select a page.
 */
function ordered<Item>(items: Item[], call: Call, time: (item: Item) => Date): Item[] {
  const order = call.query.get('orderby')
  const sorted = order
    ? [...items].sort((left, right) => time(left).getTime() - time(right).getTime())
    : items
  const list = order === 'timedesc' ? sorted.reverse() : sorted
  return list.slice(0, Number(call.query.get('n') ?? 100))
}

function metadata(registry: Resource, call: Call, rest: string): Reply {
  const { repositories } = registry.runtime as RegistryState
  const base = { registry: call.host }
  if (rest === '_catalog') return { status: 200, body: { repositories: [...repositories.keys()].sort() } }
  const [, name = '', kind, item] = /^(.+?)(?:\/(_tags|_manifests)(?:\/(.+))?)?$/.exec(rest) ?? []
  const repository = repositories.get(name)
  if (!repository) return problem(404, 'NAME_UNKNOWN', `repository "${name}" is not found`)
  if (call.method === 'DELETE' && !kind) {
    repositories.delete(name)
    return {
      status: 202,
      body: { manifestsDeleted: [...repository.images.keys()], tagsDeleted: [...repository.tags.keys()] },
    }
  }
  if (call.method === 'DELETE' && kind === '_tags' && item)
    return repository.tags.delete(item)
      ? { status: 202 }
      : problem(404, 'TAG_UNKNOWN', 'the specified tag does not exist')
  if (call.method !== 'GET')
    return problem(
      405,
      'UNSUPPORTED',
      `The rehearsal's registry does not support ${call.method} ${call.path}.`,
    )
  if (!kind)
    return {
      status: 200,
      body: {
        ...base,
        imageName: name,
        createdTime: repository.createdAt.toISOString(),
        lastUpdateTime: [...repository.tags.values()].at(-1)?.updatedAt.toISOString(),
        manifestCount: repository.images.size,
        tagCount: repository.tags.size,
        changeableAttributes: { ...changeable, teleportEnabled: false },
      },
    }
  if (kind === '_tags') {
    if (!item) {
      const tags = ordered([...repository.tags.values()], call, (tag) => tag.updatedAt)
      return { status: 200, body: { ...base, imageName: name, tags: tags.map(showTag) } }
    }
    const tag = repository.tags.get(item)
    if (tag) return { status: 200, body: { ...base, imageName: name, tag: showTag(tag) } }
    return problem(404, 'TAG_UNKNOWN', 'the specified tag does not exist')
  }
  if (!item) {
    const images = ordered([...repository.images.values()], call, (image) => image.createdAt)
    return {
      status: 200,
      body: { ...base, imageName: name, manifests: images.map((image) => showManifest(repository, image)) },
    }
  }
  const image = repository.images.get(item)
  if (image)
    return { status: 200, body: { ...base, imageName: name, manifest: showManifest(repository, image) } }
  return problem(404, 'MANIFEST_UNKNOWN', `manifest sha256 "${item}" is not found`)
}

/** What a pull reads (distribution.ts), and the deletion of a manifest. */
function distribution(world: World, registry: Resource, call: Call, rest: string): Reply {
  const { repositories } = registry.runtime as RegistryState
  if (rest === '_catalog') return { status: 200, body: { repositories: [...repositories.keys()].sort() } }
  const { name, kind, reference } = parsePath(rest)
  const repository = repositories.get(name)
  if (!repository) return problem(404, 'NAME_UNKNOWN', `repository name not known to registry: ${name}`)
  if (kind === 'tags' && reference === 'list')
    return { status: 200, body: { name, tags: [...repository.tags.keys()] } }
  if (kind === 'blobs') return sendBlob(getBlobFile(world, reference))
  const image = findImage(repositories, name, reference)
  if (!image) return problem(404, 'MANIFEST_UNKNOWN', `manifest tagged by "${reference}" is not found`)
  if (call.method === 'DELETE') {
    repository.images.delete(image.digest)
    for (const tag of [...repository.tags.values()])
      if (tag.digest === image.digest) repository.tags.delete(tag.name)
    return { status: 202 }
  }
  return sendManifest(image.digest, image.manifest)
}

/** `*.azurecr.io`. */
export function registryApi(world: World, call: Call): Reply {
  const registry = findRegistry(world, call.host)
  if (!registry?.runtime.repositories)
    return problem(404, 'NAME_UNKNOWN', `The registry ${call.host} does not exist in the rehearsal's Azure.`)
  if (call.path.startsWith('/oauth2/')) return oauth(world, registry, call)
  if (!mayRead(world, registry, call)) return unauthorized(call.host)
  if (call.path === '/v2/' || call.path === '/v2') return { status: 200, body: {} }
  if (call.path.startsWith('/acr/v1/')) return metadata(registry, call, call.path.slice('/acr/v1/'.length))
  if (call.path.startsWith('/v2/')) return distribution(world, registry, call, call.path.slice('/v2/'.length))
  return problem(404, 'UNSUPPORTED', `The rehearsal's registry does not support ${call.path}.`)
}
