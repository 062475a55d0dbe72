import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type Command, secretFile } from '../command/command.ts'
import type { Config } from '../config/config.ts'
import { reveal } from '../config/secret.ts'
import type { Context } from '../steps/context.ts'
import { type Difference, differing, type Field, ok, type Step } from '../steps/step.ts'
import { absent, azAct, azLook } from './az.ts'
import { fingerprint } from './containerGroup.ts'
import { watchDeployment } from './deploymentWatch.ts'
import { type Azure, operatorAddress, operatorRule, type Resource, subscriptionOf } from './resources.ts'

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
    '@',
  )
  return azAct([
    ...['deployment', 'group', 'create', '--resource-group', config.azure.resourceGroup, '--name', name],
    ...['--template-file', templateFile, '--parameters', file, '--no-wait', ...subscription],
  ])
}

/** Registry, database and Redis: submitted as one deployment; each part is waited for by itself, so that what needs
 * only one of them need not wait for all. */
export function dataTierSteps(context: Context, azure: Azure): Step[] {
  const { config, runner } = context
  let watch: ReturnType<typeof watchDeployment> | undefined
  let name = ''

  async function inspect(): Promise<Difference> {
    const { id } = await azure.account()
    const password = await reveal(config.postgres.password, runner)
    const address = await operatorAddress(context)
    const parameters = templateParameters(config, address)
    name = deploymentName(parameters, password, config.postgres.server)
    const deployment = await azure.deployment(name)
    const state = deployment?.properties.provisioningState
    const [registry, database, redis] = deployment ? await azure.dataTier() : await existing(id)
    const fields = driftOf(config, registry, database, redis)
    const whole = registry && database && redis
    // Another one may have been applied since this one succeeded: the server says which was the last.
    const last = database?.tags?.configuration
    if (state === 'Succeeded' && last === name && whole && fields.length === 0) {
      return ok(`deployment ${name} is in force`)
    }
    if (state === 'Running' || state === 'Accepted') {
      watch = watchDeployment(context, name, azure)
      return ok(`deployment ${name} is under way`)
    }
    const rule = database ? await operatorRule(context, id) : undefined
    const addressField =
      database && rule !== address ? [{ name: 'operator address', before: rule, after: address }] : []
    const silent = whole && fields.length + addressField.length === 0
    const hidden: Field[] = silent
      ? [{ name: 'template or password', before: last ?? 'another deployment', after: name }]
      : []
    return {
      state: database ? 'change' : 'create',
      what: whole ? `bring the data tier to ${name}` : `create ${namesOf([registry, database, redis])}`,
      fields: [...fields, ...addressField, ...hidden],
      effects: [
        ...(await groupIfMissing(deployment !== undefined || whole !== undefined)),
        deployCommand(config, name, parameters, password, ['--subscription', id]),
      ],
    }
  }

  async function existing(subscription: string) {
    const group = await runner.run(
      azLook(['group', 'show', '--name', config.azure.resourceGroup, '--subscription', subscription]),
    )
    groupThere = group.code !== absent
    return groupThere ? azure.dataTier() : []
  }
  let groupThere: boolean | undefined

  async function groupIfMissing(known: boolean): Promise<Command[]> {
    if (known || groupThere !== false) return []
    const { resourceGroup, location } = config.azure
    return [
      azAct([
        'group',
        'create',
        '--name',
        resourceGroup,
        '--location',
        location,
        ...subscriptionOf(await azure.account()),
      ]),
    ]
  }

  function namesOf([registry, database, redis]: (Resource | undefined)[]): string {
    const missing = [
      ...(registry ? [] : [`registry ${config.azure.registry}`]),
      ...(database ? [] : [`PostgreSQL ${config.postgres.server} (${config.postgres.sku})`]),
      ...(redis ? [] : [`Redis ${config.redis.name} (${config.redis.sku})`]),
    ]
    return missing.join(', ')
  }

  /** A part is there when ARM says so; while a deployment runs, when its last operation has succeeded. */
  const part = (id: 'registry' | 'database' | 'redis', title: string, shown: string): Step => ({
    id,
    title,
    part: 'azure',
    after: ['data-tier'],
    async inspect(ahead) {
      const resource = await azure[id]()
      if (resource && !watch)
        return ok(`${shown} is ${String(resource.properties.provisioningState ?? resource.properties.state)}`)
      if (!resource || ahead.pending('data-tier'))
        return { state: 'create', what: `${shown}, by the data tier`, effects: [] }
      return { state: 'change', what: `${shown} is ready`, effects: [] }
    },
    async apply(_, tell) {
      watch ??= watchDeployment(context, name, azure)
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
        watch = watchDeployment(context, name, azure)
      },
    },
    part('registry', 'Container registry', config.azure.registry),
    part('database', 'PostgreSQL server', config.postgres.server),
    part('redis', 'Redis', config.redis.name),
  ]
}

/** What the resources are, where that differs from the configuration. Absent ones differ in nothing: they are created. */
function driftOf(config: Config, registry?: Resource, database?: Resource, redis?: Resource): Field[] {
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
