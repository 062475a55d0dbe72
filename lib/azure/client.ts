import type { Config } from '../config/config.ts'
import { formatKeyFile, formatScriptLine } from '../config/pasteLine.ts'
import type { Command } from '../shell/command.ts'
import type { Runner } from '../shell/runner.ts'
import type { Context } from '../tasks/context.ts'
import { getMessage, isUnanswered, OpsError, unknownError } from '../util/errors.ts'
import { type Account, readAccount } from './account.ts'
import { absent, az } from './cli.ts'
import type { ContainerGroup } from './containers/spec.ts'

/** A resource as ARM tells it. */
export interface Resource {
  id: string
  name: string
  location: string
  sku?: { name?: string; tier?: string }
  tags?: Record<string, string> | null
  properties: Record<string, unknown> & { provisioningState?: string }
}

/** The PostgreSQL server, with one of its parameters. */
export interface DatabaseServer extends Resource {
  /** `require_secure_transport` as ARM reads it, on or off; undefined when it could not be read. */
  secureTransport?: string | undefined
}

/** A Redis; a managed one has its database beside it, once there is one. */
export interface Redis extends Resource {
  database?: Resource | undefined
}

export interface Tag {
  name: string
  digest: string
  createdTime: string
}

export const repository = 'codex-backend'

/**
 * What is there in Azure, asked at most once until something changes it: that keeps a deploy with nothing to do at
 * eight az calls. `undefined` means absent; silence throws.
 */
export interface Azure {
  account(): Promise<Account>
  registry(): Promise<Resource | undefined>
  database(): Promise<DatabaseServer | undefined>
  redis(): Promise<Redis | undefined>
  /** All three; registry and database by one call, if both are there. */
  dataTier(): Promise<[Resource | undefined, DatabaseServer | undefined, Redis | undefined]>
  /** The deployment of the data tier with this name. */
  deployment(name: string): Promise<Deployment | undefined>
  /** Every container group of the resource group. */
  groups(): Promise<ContainerGroup[]>
  /** The last 100 tags of the backend image, newest first. */
  tags(): Promise<Tag[]>
  /** This one tag of the backend image, however old; asked anew each time. */
  tag(name: string): Promise<Tag | undefined>
  /** Ask again next time. */
  forget(...what: Forgettable[]): void
}

type Forgettable = 'registry' | 'database' | 'redis' | 'deployment' | 'groups' | 'tags'

export interface Deployment {
  properties: {
    provisioningState: 'Running' | 'Accepted' | 'Succeeded' | 'Failed' | 'Canceled'
    error?: DeploymentError | null
  }
}

export interface DeploymentError {
  code: string
  message: string
  details?: DeploymentError[] | null
}

export function createAzure(context: Context): Azure {
  const { runner, config } = context
  const kept = new Map<string, Promise<unknown>>()
  const keep = <T>(what: string, ask: () => Promise<T>): Promise<T> => {
    const asked = (kept.get(what) as Promise<T> | undefined) ?? ask()
    kept.set(what, asked)
    asked.catch(() => kept.delete(what))
    return asked
  }

  async function show(command: Command): Promise<unknown> {
    const { stdout, code } = await runner.run(command)
    return code === absent ? undefined : JSON.parse(stdout || 'null')
  }
  const resource = async (type: ResourceType): Promise<Resource | undefined> => {
    const account = await azure.account()
    const command = az`
      resource show --ids ${resourceId(config, account.id, type)} --api-version ${apiVersions[type]}
      ${subscriptionFlag(account)}`
    return (await show(command)) as Resource | undefined
  }
  const { resourceGroup } = config.azure
  const subscription = async () => subscriptionFlag(await azure.account())

  /**
   * Several by one call, in that order; all must know the API version of the first. Undefined when one of them is absent
   * or cannot be shown: az then says nothing of the others, so they are asked by themselves.
   */
  async function together(...types: ResourceType[]): Promise<Resource[] | undefined> {
    const account = await azure.account()
    const ids = types.map((type) => resourceId(config, account.id, type))
    const { code, stdout } = await runner.run(
      az({ accept: [0, 1, absent] })`
        resource show --ids ${ids} --api-version ${apiVersions[types[0]!]} ${subscriptionFlag(account)}`,
    )
    return code === 0 ? (JSON.parse(stdout) as Resource[]) : undefined
  }

  /** A server that is stopped may not show its parameters, and is there all the same. */
  async function databaseServer(): Promise<DatabaseServer | undefined> {
    const [server, transport] = (await together('database', 'secureTransport')) ?? []
    return server ? withTransport(server, transport) : resource('database')
  }

  /** The database counts as absent only when Azure says so: a failed cluster without one is deleted. */
  async function managedRedis(): Promise<Redis | undefined> {
    const [cluster, database] = (await together('managedRedis', 'managedRedisDatabase')) ?? []
    if (cluster) return { ...cluster, database }
    const alone = await resource('managedRedis')
    return alone && { ...alone, database: await resource('managedRedisDatabase') }
  }

  /** What az says when there is no registry differs by version, and is of logins. */
  async function inRegistry<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (thrown) {
      if (isUnanswered(thrown) || (await azure.registry().catch(() => true))) throw thrown
      const { registry, resourceGroup } = config.azure
      throw new OpsError({
        what: `There is no registry ${registry} in ${resourceGroup}`,
        next: `${formatScriptLine('provision')}   (it makes one); or check ACR_NAME and AZURE_RESOURCE_GROUP in ${formatKeyFile('ACR_NAME', 'AZURE_RESOURCE_GROUP')}.`,
      })
    }
  }

  const azure: Azure = {
    account: () => keep('account', () => readAccount(context)),
    registry: () => keep('registry', () => resource('registry')),
    database: () => keep('database', databaseServer),
    redis: () =>
      keep('redis', () => (config.redis.kind === 'managed' ? managedRedis() : resource('classicRedis'))),
    async dataTier() {
      if (!kept.has('registry') && !kept.has('database')) {
        const asked = together('registry', 'database', 'secureTransport')
        void keep('registry', async () => (await asked)?.[0] ?? resource('registry'))
        void keep('database', async () => {
          const [, server, transport] = (await asked) ?? []
          return server ? withTransport(server, transport) : databaseServer()
        })
      }
      return Promise.all([azure.registry(), azure.database(), azure.redis()])
    },
    deployment: (name) =>
      keep('deployment', async () => {
        const command = az`
          deployment group show --resource-group ${resourceGroup} --name ${name} ${await subscription()}`
        return (await show(command)) as Deployment | undefined
      }),
    groups: () =>
      keep('groups', async () => {
        const command = az`container list --resource-group ${resourceGroup} ${await subscription()}`
        return ((await show(command)) ?? []) as ContainerGroup[]
      }),
    tags: () => keep('tags', () => inRegistry(async () => readTags(context, await subscription()))),
    tag: (name) => inRegistry(async () => readTag(context, name, await subscription())),
    forget(...what) {
      for (const each of what) kept.delete(each)
    },
  }
  return azure
}

const withTransport = (server: Resource, transport: Resource | undefined): DatabaseServer => ({
  ...server,
  secureTransport: transport?.properties.value as string | undefined,
})

export const subscriptionFlag = (account: Account): string[] => ['--subscription', account.id]

export const apiVersions = {
  // One that both know, so that one call can ask for both.
  registry: '2022-12-01',
  database: '2022-12-01',
  secureTransport: '2022-12-01',
  managedRedis: '2025-07-01',
  managedRedisDatabase: '2025-07-01',
  classicRedis: '2024-03-01',
} as const

export type ResourceType = keyof typeof apiVersions

/** ARM's id of a part of the data tier. */
export function resourceId(config: Config, subscription: string, type: ResourceType): string {
  const within = `/subscriptions/${subscription}/resourceGroups/${config.azure.resourceGroup}/providers`
  const server = `${within}/Microsoft.DBforPostgreSQL/flexibleServers/${config.postgres.server}`
  const cluster = `${within}/Microsoft.Cache/redisEnterprise/${config.redis.name}`
  return {
    registry: `${within}/Microsoft.ContainerRegistry/registries/${config.azure.registry}`,
    database: server,
    secureTransport: `${server}/configurations/require_secure_transport`,
    managedRedis: cluster,
    managedRedisDatabase: `${cluster}/databases/default`,
    classicRedis: `${within}/Microsoft.Cache/Redis/${config.redis.name}`,
  }[type]
}

/** ARM's path of all container groups of the resource group. */
export const groupsId = (config: Config, subscription: string): string =>
  `/subscriptions/${subscription}/resourceGroups/${config.azure.resourceGroup}/providers/Microsoft.ContainerInstance/containerGroups`

/** ARM's id of a container group. */
export const groupId = (config: Config, subscription: string, name: string): string =>
  `${groupsId(config, subscription)}/${name}`

async function readTags({ config, runner }: Context, subscription: string[]): Promise<Tag[]> {
  const command = az({ accept: [0, 1, absent] })`
    acr repository show-tags --name ${config.azure.registry} --repository ${repository}
    --detail --orderby time_desc --top 100 ${subscription}`
  return ((await askRepository(runner, command)) ?? []) as Tag[]
}

async function readTag(
  { config, runner }: Context,
  name: string,
  subscription: string[],
): Promise<Tag | undefined> {
  const command = az({ accept: [0, 1, absent] })`
    acr repository show --name ${config.azure.registry} --image ${repository}:${name} ${subscription}`
  return (await askRepository(runner, command)) as Tag | undefined
}

/** Asking for what nobody has pushed fails; that is an answer too: `undefined`. */
async function askRepository(runner: Runner, command: Command): Promise<unknown> {
  const { code, stdout, stderr } = await runner.run(command)
  if (code === 0) return JSON.parse(stdout)
  if (notPushed.test(stderr)) return undefined
  // Any other failure is one: run it again the strict way, which explains it.
  await runner.run({ ...command, accept: [0] })
  return undefined
}

/** ACR's words, seen in azure-cli #31569 and behind NAME_UNKNOWN. */
const notPushed =
  /specified tag .*does not exist|repository .*(is )?not found|TAG_UNKNOWN|NAME_UNKNOWN|repository name not known/i

/** The address that the database's firewall lets in by its rule `operator`; undefined when it has no such rule. */
export async function operatorRule(
  { config, runner }: Context,
  subscription: string,
): Promise<string | undefined> {
  const rule = `${resourceId(config, subscription, 'database')}/firewallRules/operator`
  const { code, stdout } = await runner.run(
    az`resource show --ids ${rule} --api-version ${apiVersions.database}`,
  )
  return code === absent ? undefined : ((JSON.parse(stdout) as Resource).properties.startIpAddress as string)
}

/**
 * The public address of this machine, as PostgreSQL's firewall in Azure will see it.
 * Throws (exit 3) when the service that tells it does not.
 */
export async function operatorAddress({ runner }: Context): Promise<string> {
  const url = 'https://api.ipify.org/?format=json'
  const unknown = (said: string) =>
    unknownError(
      "This machine's public address, which the database's firewall must let in, cannot be learnt",
      `${url}: ${said}`,
      'Check the network, then run the same line again.',
    )
  const answer = await runner
    .request({ method: 'GET', url, effect: 'read', timeoutMs: 10_000 })
    .catch((thrown) => {
      throw unknown(getMessage(thrown))
    })
  const address = /"ip":\s*"([0-9.]+)"/.exec(answer.body)?.[1]
  if (answer.status !== 200 || !address) throw unknown(`${answer.status} ${answer.body.slice(0, 200)}`)
  return address
}

/** The redis key, never kept in a transcript. */
export async function redisKey(context: Context, azure: Azure): Promise<string> {
  const { id } = await azure.account()
  const { config } = context
  const [path, version] =
    config.redis.kind === 'managed'
      ? [`${resourceId(config, id, 'managedRedisDatabase')}/listKeys`, apiVersions.managedRedisDatabase]
      : [`${resourceId(config, id, 'classicRedis')}/listKeys`, apiVersions.classicRedis]
  const { stdout } = await context.runner.runPrivately(
    az({ accept: [0] })`rest --method post --url https://management.azure.com${path}?api-version=${version}`,
  )
  const { primaryKey } = JSON.parse(stdout) as { primaryKey: string }
  context.runner.secrets.add(primaryKey)
  return primaryKey
}

/** Name and password that container groups pull the image with. */
export async function registryLogin(
  context: Context,
  azure: Azure,
): Promise<{ username: string; password: string }> {
  const { stdout } = await context.runner.runPrivately(
    az({ accept: [0] })`
      acr credential show --name ${context.config.azure.registry} ${subscriptionFlag(await azure.account())}`,
  )
  const { username, passwords } = JSON.parse(stdout) as { username: string; passwords: { value: string }[] }
  const password = passwords[0]?.value ?? ''
  context.runner.secrets.add(password)
  return { username, password }
}
