import { randomBytes, timingSafeEqual } from 'node:crypto'
import { refuse } from '../errors.ts'
import { jsonBody, ok } from '../http.ts'
import type { Repository } from '../images.ts'
import type { Bag } from '../json.ts'
import { isTaken } from '../names.ts'
import { listRuns, logLink, runRoute, scheduleRun, uploadUrl } from '../registryRuns.ts'
import type { ResourceType } from '../types.ts'
import type { Resource, World } from '../world.ts'

const newPassword = (): string => randomBytes(39).toString('base64').replace(/[+/=]/g, 'A').slice(0, 52)

/** The state of a registry: its images, its builds, and the two passwords of the admin user. */
export interface RegistryState {
  repositories: Map<string, Repository>
  passwords: [string, string]
}

export const getLoginServer = (registry: Resource): string => `${registry.name.toLowerCase()}.azurecr.io`

export function findRegistry(world: World, loginServer: string): Resource | undefined {
  return [...world.resources.values()].find(
    (each) => each.type === registries.type && getLoginServer(each) === loginServer.toLowerCase(),
  )
}

const equal = (left: string, right: string): boolean =>
  left.length === right.length && timingSafeEqual(Buffer.from(left), Buffer.from(right))

/** Whether these are the name and one of the passwords of the admin user, and the admin user is enabled. */
export function isAdmin(registry: Resource, username: string, password: string): boolean {
  if (!registry.wanted.properties.adminUserEnabled || username !== registry.name.toLowerCase()) return false
  return (registry.runtime as RegistryState).passwords.some((each) => equal(each, password))
}

function requireAdmin(registry: Resource): void {
  if (!registry.wanted.properties.adminUserEnabled) throw refuse('registryAdminDisabled', { id: registry.id })
}

function credentials(registry: Resource) {
  requireAdmin(registry)
  const [first, second] = (registry.runtime as RegistryState).passwords
  return {
    username: registry.name.toLowerCase(),
    passwords: [
      { name: 'password', value: first },
      { name: 'password2', value: second },
    ],
  }
}

/**
 * A registry always shows its policies; az from about 2.74 ends `acr repository show` with a traceback without
 * `azureADAuthenticationAsArmPolicy.status`. Source: `Policies` of @azure/arm-containerregistry 12 and, for
 * `softDeletePolicy`, of the API 2023-01-01-preview; values as `az acr show` prints them of a new Basic registry.
 */
function policies(registry: Resource): Bag {
  const lastUpdatedTime = registry.createdAt.toISOString()
  return {
    quarantinePolicy: { status: 'disabled' },
    trustPolicy: { type: 'Notary', status: 'disabled' },
    retentionPolicy: { days: 7, lastUpdatedTime, status: 'disabled' },
    exportPolicy: { status: 'enabled' },
    azureADAuthenticationAsArmPolicy: { status: 'enabled' },
    softDeletePolicy: { retentionDays: 7, lastUpdatedTime, status: 'disabled' },
    ...registry.wanted.properties.policies,
  }
}

/** Microsoft.ContainerRegistry/registries. */
export const registries: ResourceType = {
  type: 'Microsoft.ContainerRegistry/registries',
  models: {
    module: 'containerregistry.v2025_03_01_preview',
    resource: 'Registry',
    patch: 'RegistryUpdateParameters',
    list: 'RegistryListResult',
    paths: {
      'POST listcredentials': { answer: 'RegistryListCredentialsResult' },
      'POST regeneratecredential': {
        request: 'RegenerateCredentialParameters',
        answer: 'RegistryListCredentialsResult',
      },
      'POST schedulerun': { request: 'RunRequest', answer: 'Run' },
      'GET runs/*': { answer: 'Run' },
      'GET runs': { answer: 'RunListResult' },
      'POST runs/*/listlogsasurl': { answer: 'RunGetLogResult' },
      'POST listbuildsourceuploadurl': { answer: 'SourceUploadDefinition' },
      'POST /checknameavailability': { request: 'RegistryNameCheckRequest', answer: 'RegistryNameStatus' },
    },
  },
  nameTaken: (name) => ({ message: `The registry ${name} is already in use.` }),
  usualSeconds: 15,
  needsLocation: true,
  createdStatus: 201,
  check({ world, address, wanted, existing }) {
    if (!/^[a-zA-Z0-9]{5,50}$/.test(address.name)) throw refuse('registryName', { name: address.name })
    if (isTaken(world, address)) throw refuse('registryNameTaken', { name: address.name.toLowerCase() })
    wanted.sku ??= existing?.wanted.sku
    if (!['Basic', 'Standard', 'Premium'].includes(wanted.sku?.name))
      throw refuse('registrySku', { sku: wanted.sku?.name })
    wanted.properties = { adminUserEnabled: false, ...existing?.wanted.properties, ...wanted.properties }
  },
  async apply(_world, resource) {
    resource.runtime.repositories ??= new Map()
    resource.runtime.passwords ??= [newPassword(), newPassword()]
  },
  show: (_world, resource) => ({
    sku: { name: resource.wanted.sku.name, tier: resource.wanted.sku.name },
    properties: {
      anonymousPullEnabled: false,
      publicNetworkAccess: 'Enabled',
      zoneRedundancy: 'Disabled',
      dataEndpointEnabled: false,
      ...resource.wanted.properties,
      policies: policies(resource),
      loginServer: getLoginServer(resource),
      creationDate: resource.createdAt.toISOString(),
      provisioningState: resource.state,
    },
  }),
  actions: {
    listcredentials: (_world, registry) => ok(credentials(registry)),
    regeneratecredential(_world, registry, call) {
      requireAdmin(registry)
      const at = jsonBody(call).name === 'password2' ? 1 : 0
      ;(registry.runtime as RegistryState).passwords[at] = newPassword()
      return ok(credentials(registry))
    },
    listbuildsourceuploadurl: uploadUrl,
    schedulerun: scheduleRun,
  },
  async read(world, registry, rest, call) {
    const [kind, id, what] = rest.map((part) => part.toLowerCase())
    if (kind !== 'runs') return undefined
    if (!id) return call.method === 'GET' ? listRuns(registry, call) : undefined
    if (!what && call.method === 'GET') return runRoute(registry, id)
    if (what === 'listlogsasurl' && call.method === 'POST') return logLink(world, registry, id)
    return undefined
  },
}

export const resourceTypes = [registries]
