import { readdirSync } from 'node:fs'
import { isIP } from 'node:net'
import { getMessage, type OpsError, usageError } from '../util/errors.ts'
import { type Config, getContainerHost, getSiteNames, stableHost, surgeHost, surgeLabel } from './config.ts'
import { isBaseOnly, loadConfig } from './load.ts'
import { type KeyName, type ShareKind, shareKinds } from './schema.ts'

export interface Others {
  environments: Config[]
  /** Files that are named like an environment file but cannot be read as one. */
  unreadable: { file: string; why: string }[]
}

/** The file of an environment: `.env`, or `.env.NAME`. */
export const getEnvironmentFile = ({ environment }: Pick<Config, 'environment'>): string =>
  environment === 'default' ? '.env' : `.env.${environment}`

/** Lists the environments in a folder by their names for --env; undefined stands for `.env` itself. */
export function listEnvironments(folder: string): (string | undefined)[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .flatMap(({ name }) => {
      if (name === '.env') return [undefined]
      // A second dot marks a copy (.env.prod.bak); names for --env contain no dot.
      const given = /^\.env\.([A-Za-z0-9_-]+)$/.exec(name)?.[1]
      // .env.default is a template: load.ts refuses the name.
      const isTemplate = given === 'example' || given === 'default'
      // Vim's swap file for an .env that is being edited.
      const isSwap = /^sw[a-p]$/.test(given ?? '')
      return given === undefined || isTemplate || isSwap ? [] : [given]
    })
    .sort()
}

/** Reads all other environments in the folder. Does not throw when one cannot be read. */
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

/** Something that this environment shares with others, and their files. */
export interface SharedWith extends Shared {
  files: string[]
}

/** Finds everything that other environments also name, intended or not. */
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

/** Something that both environments name and that is, as far as can be told, the same thing. */
export interface Shared {
  kind: ShareKind
  /** `PostgreSQL server codexdominion-db` */
  what: string
  keys: readonly [KeyName, ...KeyName[]]
}

/** Finds everything that both environments name, intended or not. */
export function findShared(config: Config, other: Config): Shared[] {
  const { azure, postgres, redis, domain } = config
  const cloud = isSameCloud(config, other)
  const server = cloud && postgres.server === other.postgres.server
  const site =
    isSameVps(config, other) && getSiteNames(config).some((name) => getSiteNames(other).includes(name))
  // A record, so that the type checker refuses a kind without its line.
  const found: Record<ShareKind, [isSame: boolean, what: string, ...keys: Shared['keys']]> = {
    containers: [
      cloud && isSameGroup(config, other),
      `containers in the resource group ${azure.resourceGroup}`,
      'AZURE_RESOURCE_GROUP',
    ],
    'dns-label': [
      cloud && sharesLabel(config, other),
      `backend address ${stableHost(config)}`,
      'BACKEND_DNS_LABEL',
    ],
    postgres: [server, `PostgreSQL server ${postgres.server}`, 'POSTGRES_SERVER'],
    database: [
      server && postgres.database === other.postgres.database,
      `database ${postgres.database} on it`,
      'POSTGRES_DATABASE',
    ],
    redis: [cloud && sharesRedis(config, other), `Redis ${redis.name}`, 'REDIS_NAME'],
    registry: [
      cloud && azure.registry === other.azure.registry,
      `container registry ${azure.registry}`,
      'ACR_NAME',
    ],
    site: [site, `site ${domain} on the VPS ${config.ionos.host}`, 'DOMAIN', 'IONOS_HOST'],
    // Records are set only with a DNS key: two servers would then take the name from each other at every run.
    'dns-records': [
      cloud && !site && domain === other.domain && (config.ionos.dnsKey.given || other.ionos.dnsKey.given),
      `DNS records of ${domain}`,
      'DOMAIN',
    ],
  }
  return shareKinds.flatMap((kind) => {
    const [isSame, what, ...keys] = found[kind]
    return isSame ? [{ kind, what, keys }] : []
  })
}

/**
 * Whether both use the same Azure. The names of servers, registries and addresses are unique in all of Azure,
 * so a different subscription alone does not separate them. Two clouds count as different only when the login
 * folder, the proxy, the trusted authority and the subscription all differ.
 */
function isSameCloud(config: Config, other: Config): boolean {
  const ways = ['AZURE_CONFIG_DIR', 'HTTPS_PROXY', 'REQUESTS_CA_BUNDLE'] as const
  const [own, its] = [config.network.azEnvironment, other.network.azEnvironment]
  const apart =
    ways.every((way) => own[way] !== its[way]) && config.azure.subscription !== other.azure.subscription
  return !apart
}

const id = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Whether both use the same resource group, whose name is unique only within a subscription. */
function isSameGroup({ azure: own }: Config, { azure: its }: Config): boolean {
  if (own.resourceGroup.toLowerCase() !== its.resourceGroup.toLowerCase()) return false
  const [a, b] = [own.subscription.toLowerCase(), its.subscription.toLowerCase()]
  // Empty means the current subscription of az. An id and a display name can mean the same subscription.
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

/** The host name of a managed Redis contains its region; that of a classic one does not. */
function sharesRedis(config: Config, other: Config): boolean {
  const [own, its] = [config.redis, other.redis]
  if (own.name !== its.name) return false
  const sameHost = own.kind === its.kind && (own.kind === 'classic' || own.location === its.location)
  return sameHost || isSameGroup(config, other)
}

/** Whether both use the same VPS. Different addresses mean different machines; different names may not. */
function isSameVps(config: Config, other: Config): boolean {
  const [own, its] = [config.ionos, other.ionos]
  if (own.host.toLowerCase() === its.host.toLowerCase() || own.publicIp === its.publicIp) return true
  const address = ({ publicIp, host }: Config['ionos']) => [publicIp, host].find((text) => isIP(text))
  if (address(own) !== undefined && address(its) !== undefined) return address(own) === address(its)
  return isSameCloud(config, other)
}

/**
 * The configuration of a run that makes changes. Throws (exit 2) when another environment names the same resource and
 * neither file allows it.
 */
export async function getSeparateConfig(run: {
  config(): Promise<Config>
  log(line: string): void
}): Promise<Config> {
  const config = await run.config()
  const others = await readOthers(config)
  for (const { file, why } of others.unreadable)
    run.log(`! ${file} cannot be read, so it is unknown what it names: ${why}`)
  assertSeparate(config, others)
  return config
}

/** Throws (exit 2), listing what the first other environment also names, unless SHARES in either file allows it. */
export function assertSeparate(config: Config, { environments }: Others): void {
  for (const other of environments) {
    const meant = [...config.shares, ...other.shares]
    const shared = findShared(config, other).filter(({ kind }) => !meant.includes(kind))
    if (shared.length === 0) continue
    const lines = shared.map(({ what, keys }) => `  ${what} (${keys.join(', ')})`)
    throw refusal(config, other, lines, [...meant, ...shared.map(({ kind }) => kind)])
  }
}

function refusal(config: Config, other: Config, lines: string[], kinds: readonly string[]): OpsError {
  const [file, theirs] = [getEnvironmentFile(config), getEnvironmentFile(other)]
  // Every environment reads whatever is added to .env.
  const second = config.environment === 'default' ? theirs : file
  return usageError(
    `${file} and ${theirs} name the same resources:\n${lines.join('\n')}`,
    [
      `Set different names in ${second}. If both are meant to share them, add to it: SHARES=${[...new Set(kinds)].join(',')}`,
      ...(other.environment === 'default'
        ? []
        : [`If ${theirs} is only a copy and not an environment, move it to another folder`]),
      ...(config.environment === 'default' || other.environment === 'default'
        ? ['If .env holds only what the environments have in common, write BASE_ONLY=yes in .env']
        : []),
    ].join('\n  '),
  )
}
