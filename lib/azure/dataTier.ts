import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Config } from '../config/config.ts'
import { reveal } from '../config/secret.ts'
import { type Command, secretFile } from '../shell/command.ts'
import type { Context } from '../tasks/context.ts'
import { type Difference, differing, type Field, type Log, ok, type Task } from '../tasks/task.ts'
import { OpsError } from '../util/errors.ts'
import { absent, az } from './cli.ts'
import {
  type Azure,
  apiVersions,
  type DatabaseServer,
  operatorAddress,
  operatorRule,
  type Redis,
  type Resource,
  resourceId,
  subscriptionFlag,
} from './client.ts'
import { fingerprint } from './containers/spec.ts'
import { watchDeployment } from './deployment.ts'
import { findRedisFault } from './redisState.ts'
import { deleteResource } from './remove.ts'

const templateFile = path.join(import.meta.dirname, '..', '..', 'infra', 'data-tier.json')

type Parameters = Record<string, string | number | object>

/** The parameters of infra/data-tier.json, the password left out. */
export function templateParameters(config: Config, address: string): Parameters {
  const { azure, postgres, redis } = config
  const [, tier, family, capacity] = /^(Basic|Standard)_([A-Z])([0-9])$/.exec(redis.sku) ?? []
  return {
    location: azure.location,
    registryName: azure.registry,
    postgresServer: postgres.server,
    postgresDatabase: postgres.database,
    postgresUser: postgres.user,
    postgresSku: postgres.sku,
    postgresVersion: postgres.version,
    postgresStorageGb: postgres.storageGb,
    postgresBackupDays: postgres.backupDays,
    operatorAddress: address,
    redisKind: redis.kind,
    redisName: redis.name,
    redisSku: redis.sku,
    ...(tier ? { classicFamilyAndCapacity: { name: tier, family, capacity: Number(capacity) } } : {}),
  }
}

/** Named after what it applies: a deployment of this name that succeeded has applied exactly this. */
export const deploymentName = (parameters: Parameters, password: string, server: string): string => {
  const wanted = [
    readFileSync(templateFile, 'utf8'),
    JSON.stringify(parameters),
    fingerprint(password, server),
  ]
  return `codex-data-tier-${createHash('sha256').update(wanted.join('\n')).digest('hex').slice(0, 12)}`
}

/** `az deployment group create`, the values in a 0600 file. */
export function deployCommand(
  config: Config,
  name: string,
  parameters: Parameters,
  password: string,
  subscription: string[],
): Command {
  const values = Object.fromEntries(
    Object.entries({ ...parameters, configuration: name, postgresPassword: password }).map(([key, value]) => [
      key,
      { value },
    ]),
  )
  const file = secretFile(
    'parameters.json',
    JSON.stringify({
      $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#',
      contentVersion: '1.0.0.0',
      parameters: values,
    }),
  )
  return az.change`
    deployment group create --resource-group ${config.azure.resourceGroup} --name ${name}
    --template-file ${templateFile} --parameters @${file} --no-wait ${subscription}`
}

/** Sets the server to take connections with TLS only; returns when ARM has done it. */
export const requireTransport = (config: Config, subscription: string): Command =>
  az.change`
    resource update --ids ${resourceId(config, subscription, 'secureTransport')}
    --api-version ${apiVersions.secureTransport}
    --set properties.value=on --set properties.source=user-override`

/** Registry, database and Redis: submitted as one deployment; each part is waited for by itself, so that what needs
 * only one of them need not wait for all. */
export function dataTierTasks(context: Context, azure: Azure): Task[] {
  const { config, runner } = context
  let watch: ReturnType<typeof watchDeployment> | undefined
  let name = ''
  let deploy: Command | undefined
  const hasDatabase = (redis: Redis): boolean =>
    config.redis.kind === 'classic' || redis.database !== undefined

  const follow = () =>
    watchDeployment(context, name, azure, {
      async submit(tell: Log) {
        if (deploy) await runner.run(deploy, tell)
      },
    })

  async function inspect(): Promise<Difference> {
    const { id } = await azure.account()
    const password = await reveal(config.postgres.password, runner)
    const address = await operatorAddress(context)
    const parameters = templateParameters(config, address)
    name = deploymentName(parameters, password, config.postgres.server)
    const deployment = await azure.deployment(name)
    const state = deployment?.properties.provisioningState
    const [registry, database, redis] = deployment ? await azure.dataTier() : await existing(id)
    deploy = deployCommand(config, name, parameters, password, ['--subscription', id])
    const drift = driftOf(config, registry, database, redis)
    const insecure = database?.secureTransport?.toLowerCase() === 'off'
    const fields = insecure
      ? [...drift, { name: 'PostgreSQL require_secure_transport', before: 'off', after: 'on' }]
      : drift
    const fault = redis && findRedisFault(config, redis, id)
    const whole = registry && database && redis && !fault && hasDatabase(redis)
    // Another one may have been applied since this one succeeded: the server says which was the last.
    const last = database?.tags?.configuration
    if (state === 'Succeeded' && last === name && whole && fields.length === 0) {
      return ok(`deployment ${name} is in force`)
    }
    if (state === 'Running' || state === 'Accepted') {
      watch = follow()
      return ok(`deployment ${name} is under way`)
    }
    if (fault && !fault.empty) throw new OpsError(fault)
    const secure = insecure ? [requireTransport(config, id)] : []
    if (state === 'Succeeded' && last === name && whole && drift.length === 0)
      return { state: 'change', what: 'let PostgreSQL take TLS only', fields, effects: secure }
    const rule = database ? await operatorRule(context, id) : undefined
    const addressField =
      database && rule !== address ? [{ name: 'operator address', before: rule, after: address }] : []
    const silent = whole && fields.length + addressField.length === 0
    const hidden: Field[] = silent
      ? [{ name: 'template or password', before: last ?? 'another deployment', after: name }]
      : []
    return {
      state: database ? 'change' : 'create',
      what: whole
        ? `bring the data tier to ${name}`
        : `${fault ? `${fault.what}: delete it, then ` : ''}create ${namesOf([registry, database, fault ? undefined : redis])}`,
      fields: [...fields, ...addressField, ...hidden],
      effects: [
        ...(await groupIfMissing(deployment !== undefined || whole !== undefined)),
        ...(fault ? [deleteResource(resourceId(config, id, 'managedRedis'), apiVersions.managedRedis)] : []),
        ...secure,
        deploy,
      ],
    }
  }

  async function existing(subscription: string) {
    const group = await runner.run(
      az`group show --name ${config.azure.resourceGroup} --subscription ${subscription}`,
    )
    groupThere = group.code !== absent
    return groupThere ? azure.dataTier() : []
  }
  let groupThere: boolean | undefined

  async function groupIfMissing(known: boolean): Promise<Command[]> {
    if (known || groupThere !== false) return []
    const { resourceGroup, location } = config.azure
    const subscription = subscriptionFlag(await azure.account())
    return [az.change`group create --name ${resourceGroup} --location ${location} ${subscription}`]
  }

  function namesOf([registry, database, redis]: readonly (Resource | undefined)[]): string {
    const missing = [
      ...(registry ? [] : [`registry ${config.azure.registry}`]),
      ...(database ? [] : [`PostgreSQL ${config.postgres.server} (${config.postgres.sku})`]),
      ...(redis ? [] : [`Redis ${config.redis.name} (${config.redis.sku})`]),
      ...(redis && !hasDatabase(redis) ? [`the database of Redis ${config.redis.name}`] : []),
    ]
    return missing.join(', ')
  }

  async function redisFault() {
    const redis = await azure.redis()
    return redis && findRedisFault(config, redis, (await azure.account()).id)
  }

  /** A part is there when ARM says so; while a deployment runs, when its last operation has succeeded. */
  const part = (id: 'registry' | 'database' | 'redis', title: string, shown: string): Task => ({
    id,
    title,
    part: 'azure',
    after: ['data-tier'],
    async inspect(ahead) {
      const resource = await azure[id]()
      const fault = id === 'redis' ? await redisFault() : undefined
      if (resource && !watch && !fault)
        return ok(`${shown} is ${String(resource.properties.provisioningState ?? resource.properties.state)}`)
      if (fault && !watch && !ahead.willChange('data-tier')) throw new OpsError(fault)
      if (!resource || ahead.willChange('data-tier'))
        return { state: 'create', what: `${shown}, by the data tier`, effects: [] }
      return { state: 'change', what: `${shown} is ready`, effects: [] }
    },
    async apply(_, tell) {
      watch ??= follow()
      await watch.until(id, tell)
      azure.forget(id)
    },
  })

  return [
    {
      id: 'data-tier',
      title: 'Data tier',
      part: 'azure',
      after: ['azure-login'],
      inspect,
      async apply(difference, tell) {
        if (difference.state === 'ok' || difference.state === 'unknown') return
        for (const effect of difference.effects) await runner.run(effect as Command, tell)
        azure.forget('deployment', 'registry', 'database', 'redis', 'groups', 'tags')
        if (deploy && difference.effects.includes(deploy)) watch = follow()
      },
    },
    part('registry', 'Container registry', config.azure.registry),
    part('database', 'PostgreSQL server', config.postgres.server),
    part('redis', 'Redis', config.redis.name),
  ]
}

/** What the resources are, where that differs from the configuration. Absent ones differ in nothing: they are created. */
function driftOf(config: Config, registry?: Resource, database?: DatabaseServer, redis?: Redis): Field[] {
  const storage = database?.properties.storage as
    | { storageSizeGB?: number; storageSizeGb?: number }
    | undefined
  const backup = database?.properties.backup as { backupRetentionDays?: number } | undefined
  const sku = redis?.properties.sku as { name: string; family: string; capacity: number } | undefined
  const redisSku = redis?.sku?.name ?? (sku ? `${sku.name}_${sku.family}${sku.capacity}` : undefined)
  return [
    ...(registry
      ? differing(
          { 'registry admin login': registry.properties.adminUserEnabled },
          { 'registry admin login': true },
        )
      : []),
    ...(database
      ? differing(
          {
            'PostgreSQL size': database.sku?.name,
            'PostgreSQL version': database.properties.version,
            'PostgreSQL storage (GB)': storage?.storageSizeGB ?? storage?.storageSizeGb,
            'PostgreSQL backup (days)': backup?.backupRetentionDays,
          },
          {
            'PostgreSQL size': config.postgres.sku,
            'PostgreSQL version': config.postgres.version,
            'PostgreSQL storage (GB)': config.postgres.storageGb,
            'PostgreSQL backup (days)': config.postgres.backupDays,
          },
        )
      : []),
    ...(redis ? differing({ 'Redis size': redisSku }, { 'Redis size': config.redis.sku }) : []),
  ]
}
