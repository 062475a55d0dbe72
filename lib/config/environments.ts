import { readdirSync } from 'node:fs'
import { isIP } from 'node:net'
import { getMessage } from '../util/errors.ts'
import type { Config } from './config.ts'
import { getContainerHost, stableHost, surgeHost, surgeLabel } from './endpoints.ts'
import { isBaseOnly, loadConfig } from './load.ts'
import type { KeyName, ShareKind } from './schema.ts'

/** The other environments of a folder. */
export interface Others {
  environments: Config[]
  /** What has the name of an environment's file and does not read as one. */
  unreadable: { file: string; why: string }[]
}

/** The file that makes an environment: `.env`, or `.env.NAME`. */
export const getEnvironmentFile = ({ environment }: Pick<Config, 'environment'>): string =>
  environment === 'default' ? '.env' : `.env.${environment}`

/** Names of the environments of a folder, as --env takes them; undefined = `.env` itself. */
export function listEnvironments(folder: string): (string | undefined)[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .flatMap(({ name }) => {
      if (name === '.env') return [undefined]
      // Other than in --env's names, a second full stop is in those of copies: .env.prod.bak.
      const given = /^\.env\.([A-Za-z0-9_-]+)$/.exec(name)?.[1]
      // No name for --env, either (load.ts): a file .env.default is a template.
      const isTemplate = given === 'example' || given === 'default'
      // Vim's swap file while somebody edits .env.
      const isSwap = /^sw[a-p]$/.test(given ?? '')
      return given === undefined || isTemplate || isSwap ? [] : [given]
    })
    .sort()
}

/** Reads every environment of the folder but this one. Never throws for a file that does not read as one. */
export async function readOthers(config: Config): Promise<Others> {
  const others: Others = { environments: [], unreadable: [] }
  for (const name of listEnvironments(config.folder)) {
    if ((name ?? 'default') === config.environment) continue
    const file = getEnvironmentFile({ environment: name ?? 'default' })
    try {
      if (name === undefined && (await isBaseOnly(config.folder))) continue
      others.environments.push(await loadConfig(config.folder, name))
    } catch (thrown) {
      others.unreadable.push({ file, why: getMessage(thrown).split('\n').slice(0, 2).join(' ').trim() })
    }
  }
  return others
}

/** What this environment shares with the others, by the file that names it, too. */
export interface SharedWith extends Shared {
  files: string[]
}

/** Everything that another environment names, too; what is meant to be shared as well. */
export function findSharedWithOthers(config: Config, { environments }: Others): SharedWith[] {
  const found = new Map<string, SharedWith>()
  for (const other of environments) {
    for (const shared of findShared(config, other)) {
      const known = found.get(shared.kind)
      if (known) known.files.push(getEnvironmentFile(other))
      else found.set(shared.kind, { ...shared, files: [getEnvironmentFile(other)] })
    }
  }
  return [...found.values()]
}

/*
 * What two environments would share. A name that both use is no overlap by itself: it must mean the same thing. Where that
 * cannot be known, it may be the same, and counts as such.
 */

/** One thing that both environments name. */
export interface Shared {
  kind: ShareKind
  /** `PostgreSQL server codexdominion-db` */
  what: string
  /** The keys that name it. */
  keys: readonly [KeyName, ...KeyName[]]
}

/** Everything that both name; what is meant to be shared, too. */
export function findShared(config: Config, other: Config): Shared[] {
  const { azure, postgres, redis, domain } = config
  const cloud = isSameCloud(config, other)
  const server = cloud && postgres.server === other.postgres.server
  const site = isSameVps(config, other) && siteNames(config).some((name) => siteNames(other).includes(name))
  const found: (Shared | false)[] = [
    cloud &&
      isSameGroup(config, other) && {
        kind: 'containers',
        what: `containers in the resource group ${azure.resourceGroup}`,
        keys: ['AZURE_RESOURCE_GROUP'],
      },
    cloud &&
      sharesLabel(config, other) && {
        kind: 'dns-label',
        what: `backend address ${stableHost(config)}`,
        keys: ['BACKEND_DNS_LABEL'],
      },
    server && { kind: 'postgres', what: `PostgreSQL server ${postgres.server}`, keys: ['POSTGRES_SERVER'] },
    server &&
      postgres.database === other.postgres.database && {
        kind: 'database',
        what: `database ${postgres.database} on it`,
        keys: ['POSTGRES_DATABASE'],
      },
    cloud &&
      sharesRedis(config, other) && { kind: 'redis', what: `Redis ${redis.name}`, keys: ['REDIS_NAME'] },
    cloud &&
      azure.registry === other.azure.registry && {
        kind: 'registry',
        what: `container registry ${azure.registry}`,
        keys: ['ACR_NAME'],
      },
    site && {
      kind: 'site',
      what: `site ${domain} on the VPS ${config.ionos.host}`,
      keys: ['DOMAIN', 'IONOS_HOST'],
    },
    // Only with a key does anything set records: two servers would take the name from each other at every run.
    cloud &&
      !site &&
      domain === other.domain &&
      (config.ionos.dnsKey.given || other.ionos.dnsKey.given) && {
        kind: 'dns-records',
        what: `DNS records of ${domain}`,
        keys: ['DOMAIN'],
      },
  ]
  return found.filter((each) => each !== false)
}

/**
 * Do both talk to the same Azure? Names of servers, registries and addresses are unique in all of Azure, whatever the
 * subscription, so a different subscription alone does not make them different things. It takes another way to a cloud:
 * a login folder, a proxy and a trusted authority that differ, all three, and a subscription that does.
 */
function isSameCloud(config: Config, other: Config): boolean {
  const ways = ['AZURE_CONFIG_DIR', 'HTTPS_PROXY', 'REQUESTS_CA_BUNDLE'] as const
  const [own, its] = [config.network.azEnvironment, other.network.azEnvironment]
  const apart =
    ways.every((way) => own[way] !== its[way]) && config.azure.subscription !== other.azure.subscription
  return !apart
}

const id = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The same resource group: its name is unique within a subscription only. */
function isSameGroup({ azure: own }: Config, { azure: its }: Config): boolean {
  if (own.resourceGroup.toLowerCase() !== its.resourceGroup.toLowerCase()) return false
  const [a, b] = [own.subscription.toLowerCase(), its.subscription.toLowerCase()]
  // Empty is whatever az is set to; an id and a display name can mean the same one.
  return a === b || a === '' || b === '' || id.test(a) !== id.test(b)
}

/** A release in progress uses a second label. */
function sharesLabel(config: Config, other: Config): boolean {
  const own = [stableHost(config), surgeHost(config)]
  const { dnsLabel } = other.backend
  return own.some((host) =>
    [dnsLabel, surgeLabel(other)].map((label) => getContainerHost(other, label)).includes(host),
  )
}

/** The host name of a managed Redis holds its region, that of a classic one does not. */
function sharesRedis(config: Config, other: Config): boolean {
  const { redis, azure } = config
  if (redis.name !== other.redis.name) return false
  const sameHost =
    redis.kind === other.redis.kind && (redis.kind === 'classic' || azure.location === other.azure.location)
  return sameHost || isSameGroup(config, other)
}

const siteNames = ({ domain }: Config): string[] => [domain, `www.${domain}`]

/** Two addresses tell machines apart, two names do not. */
function isSameVps(config: Config, other: Config): boolean {
  const [own, its] = [config.ionos, other.ionos]
  if (own.host.toLowerCase() === its.host.toLowerCase() || own.publicIp === its.publicIp) return true
  const address = ({ publicIp, host }: Config['ionos']) => [publicIp, host].find((text) => isIP(text))
  if (address(own) !== undefined && address(its) !== undefined) return address(own) === address(its)
  return isSameCloud(config, other)
}
