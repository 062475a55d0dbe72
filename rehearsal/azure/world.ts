import { randomBytes } from 'node:crypto'
import type { Authority } from '../authority.ts'
import type { Dns } from '../dns.ts'
import { Judge } from '../judge/judge.ts'
import type { Network } from '../network.ts'
import type { Roots } from '../roots.ts'
import type { Bag } from './json.ts'
import type { ResourceType } from './types.ts'

/** A resource as last requested, and what runs behind it. */
export interface Resource {
  id: string
  group: string
  /** Full type, such as `Microsoft.Cache/redisEnterprise/databases`. */
  type: string
  /** Full name, such as `cache/default`. */
  name: string
  wanted: Bag
  state: 'Creating' | 'Updating' | 'Deleting' | 'Succeeded' | 'Failed'
  createdAt: Date
  /** The newest change or deletion. */
  operation?: Operation
  // biome-ignore lint/suspicious/noExplicitAny: each resource type keeps its own running part here
  runtime: any
}

export interface ResourceGroup {
  name: string
  location: string
  tags: Record<string, string>
  deleting: boolean
}

export interface Operation {
  id: string
  startedAt: Date
  endedAt?: Date
  status: 'InProgress' | 'Succeeded' | 'Failed' | 'Canceled'
  error?: Bag
  /** The operation's `properties` (and its result) once it has succeeded. */
  result?: () => unknown
  done: Promise<void>
  withoutRetryAfter?: true | undefined
}

export interface SeenRequest {
  at: string
  method: string
  host: string
  path: string
  status: number
}

/** What a world is made with. */
export interface WorldParts {
  types: ResourceType[]
  /** The folder for everything of the emulated cloud; created if it does not exist. */
  folder: string
  network: Network
  dns: Pick<Dns, 'address' | 'set' | 'remove'>
  authority: Authority
  roots: Omit<Roots, 'vps'>
  /** `realistic`: operations take a tenth of Azure's usual time. `none`: as long as the parts need. */
  latency: 'none' | 'realistic'
  subscription: { id: string; name: string; tenant: string }
  servicePrincipal: { id: string; secret: string }
}

/** The whole state of the emulated cloud; it exists as long as the process. */
export interface World extends WorldParts {
  /** The key that signs tokens; newly generated at every start. */
  tokenKey: Buffer
  groups: Map<string, ResourceGroup>
  resources: Map<string, Resource>
  deployments: Map<string, Bag>
  operations: Map<string, Operation>
  providers: Map<string, 'Registered' | 'Registering' | 'NotRegistered'>
  faults: Map<string, Bag>
  /** Names of deleted resources that Azure has not released yet; see names.ts. */
  heldNames: Set<string>
  requests: SeenRequest[]
  /** Compares requests and answers with Microsoft's models. */
  judge: Judge
  /** Uploaded build contexts by their path on the blob host. */
  blobs: Map<string, Buffer>
  /** Called when the set of addresses that belong to Azure machines changes (firewall rule 0.0.0.0). */
  addressListeners: Set<() => Promise<void>>
  /** Addresses of container groups: the "Azure services" of a PostgreSQL firewall. */
  azureAddresses: Set<string>
}

/** The resource providers: those of ARM itself, and of each type. */
const listNamespaces = (types: ResourceType[]): string[] => [
  ...['Microsoft.Resources', 'Microsoft.Authorization', 'Microsoft.Insights'],
  ...types.map(({ type }) => type.split('/')[0]!),
]

export function createWorld(parts: WorldParts): World {
  return {
    ...parts,
    tokenKey: randomBytes(32),
    groups: new Map(),
    resources: new Map(),
    deployments: new Map(),
    operations: new Map(),
    providers: new Map(listNamespaces(parts.types).map((name) => [name, 'Registered'])),
    // A new tenant can no longer create the retiring cache, so neither can the rehearsal by default.
    faults: new Map([['classic-redis-retired', { name: 'classic-redis-retired', on: true }]]),
    heldNames: new Set(),
    requests: [],
    judge: new Judge(parts.types),
    blobs: new Map(),
    addressListeners: new Set(),
    azureAddresses: new Set(),
  }
}

export async function azureAddressesChanged(world: World): Promise<void> {
  await Promise.all([...world.addressListeners].map((listener) => listener()))
}

/**
 * With latency `realistic`, waits a tenth of Azure's usual time; with `none`, does not wait.
 * @param usualSeconds Azure's usual time in seconds
 * @param since start of the operation in ms since the epoch; real work counts towards the time
 */
export async function waitUsualTime(world: World, usualSeconds: number, since: number): Promise<void> {
  // In slices, so that taking down a rehearsal does not have to wait for it.
  while (world.latency === 'realistic') {
    const rest = since + usualSeconds * 100 - Date.now()
    if (rest <= 0) return
    await new Promise((resolve) => setTimeout(resolve, Math.min(rest, 250)))
  }
}
