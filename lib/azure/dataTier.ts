import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Config } from '../config/config.ts'
import { revealSecret } from '../config/secret.ts'
import { type Command, secretFile } from '../shell/command.ts'
import { type Context, type Difference, differing, type Field, ok, type Task } from '../tasks/task.ts'
import { OpsError } from '../util/errors.ts'
import { absent, az } from './cli.ts'
import type { Azure } from './client.ts'
import { fingerprint } from './containers/spec.ts'
import { isRunning, watchDeployment } from './deployment.ts'
import { hiddenRefusal } from './errors.ts'
import { deleteResource } from './remove.ts'
import { type DataTier, getDataTier, type Part, type PartId } from './resources/index.ts'
import { readOperatorAddress, readOperatorRule } from './resources/postgres.ts'
import type { Correction, Fault, Parameters } from './resources/resource.ts'

const templateFile = path.join(import.meta.dirname, '..', '..', 'infra', 'data-tier.json')

/** The parameters of infra/data-tier.json without the password. Their order is part of the deployment's name. */
export const templateParameters = (config: Config, operatorAddress: string): Parameters =>
  Object.assign(
    { location: config.azure.location },
    ...getDataTier(config).map((part) => part.getParameters(config, operatorAddress)),
  )

/** The deployment is named after its content: if a deployment of this name succeeded, it has applied exactly this. */
export const deploymentName = (parameters: Parameters, password: string, server: string): string => {
  const template = readFileSync(templateFile, 'utf8')
  const wanted = [template, JSON.stringify(parameters), fingerprint(password, server)].join('\n')
  return `codex-data-tier-${createHash('sha256').update(wanted).digest('hex').slice(0, 12)}`
}

/** `az deployment group create`, with the values in a 0600 file. */
export function deployCommand(
  config: Config,
  name: string,
  parameters: Parameters,
  password: string,
  subscription: string,
): Command {
  const all = { ...parameters, configuration: name, postgresPassword: password }
  const values = Object.fromEntries(Object.entries(all).map(([key, value]) => [key, { value }]))
  const file = JSON.stringify({
    $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#',
    contentVersion: '1.0.0.0',
    parameters: values,
  })
  const inquiry = { when: hiddenRefusal, command: validateCommand(config, name, values, subscription) }
  return az.change({ inquiry })`
    deployment group create --resource-group ${config.azure.resourceGroup} --name ${name}
      --template-file ${templateFile} --parameters ${secretFile('parameters.json', file, '@')}
      --no-wait --subscription ${subscription}`
}

/** Asks ARM what is wrong with the deployment: `az rest` prints ARM's message in every release of az. */
function validateCommand(config: Config, name: string, parameters: object, subscription: string): Command {
  const template: unknown = JSON.parse(readFileSync(templateFile, 'utf8'))
  const body = JSON.stringify({ properties: { mode: 'Incremental', template, parameters } })
  const url = `https://management.azure.com/subscriptions/${subscription}/resourcegroups/${config.azure.resourceGroup}/providers/Microsoft.Resources/deployments/${name}/validate`
  return az({ accept: [0] })`
    rest --method post --url ${url} --url-parameters api-version=2021-04-01
      --body ${secretFile('validate.json', body, '@')}`
}

interface Comparison {
  /** Differences that a deployment changes. */
  drift: Field[]
  /** Differences that are changed without a deployment. */
  corrections: Correction[]
  /** Resources that do not exist yet or must be recreated. */
  missing: string[]
  fault: (Fault & { part: Part }) | undefined
}

function compare(config: Config, found: DataTier, subscription: string): Comparison {
  const result: Comparison = { drift: [], corrections: [], missing: [], fault: undefined }
  for (const part of getDataTier(config)) {
    const resource = found[part.id]
    if (resource) {
      result.drift.push(...part.getDrift(config, resource))
      result.corrections.push(...(part.getCorrections?.(config, resource, subscription) ?? []))
    }
    const fault = resource && part.findFault?.(config, resource, subscription)
    if (fault) result.fault = { ...fault, part }
    const missing = resource && !fault ? part.getMissingChild?.(config, resource) : part.describe(config)
    if (missing) result.missing.push(missing)
  }
  return result
}

const describeCreation = ({ missing, fault }: Comparison): string =>
  `${fault ? `${fault.what}: delete it, then ` : ''}create ${missing.join(', ')}`

/** The deployment that a run applies or finds in progress. */
type PendingDeployment = ReturnType<typeof createDeployment>

function createDeployment(context: Context, azure: Azure, name: string, deploy: Command) {
  let watch: ReturnType<typeof watchDeployment> | undefined
  return {
    /** While it runs, a part exists only when its last operation has succeeded. */
    running: false as boolean,
    deploy,
    /** Shared by all tasks that wait for a part. */
    follow() {
      watch ??= watchDeployment(context, name, azure, { submit: (log) => context.runner.run(deploy, log) })
      return watch
    },
  }
}

async function findDeployed(context: Context, azure: Azure, name: string, subscription: string) {
  const state = (await azure.deployment(name))?.properties.provisioningState
  const groupExists = state !== undefined || (await hasGroup(context, subscription))
  const found: DataTier = groupExists ? await azure.dataTier() : {}
  return { state, groupExists, found }
}

/**
 * The data tier, submitted as one deployment, and a task for each of its parts that waits for that part alone: a task
 * that needs only one of them does not wait for all.
 */
export function dataTierTasks(
  context: Context,
  azure: Azure,
  login: Task,
): Record<PartId, Task> & { tier: Task<PendingDeployment>; parts: Task[] } {
  const { config, runner } = context
  const parts = getDataTier(config)

  async function inspect(): Promise<Difference<PendingDeployment>> {
    const { id } = await azure.account()
    const password = await revealSecret(config.postgres.password, runner)
    const address = await readOperatorAddress(context)
    const parameters = templateParameters(config, address)
    const name = deploymentName(parameters, password, config.postgres.server)
    const deploy = deployCommand(config, name, parameters, password, id)
    const fact = createDeployment(context, azure, name, deploy)
    const { state, groupExists, found } = await findDeployed(context, azure, name, id)
    const comparison = compare(config, found, id)
    const { drift, corrections, missing, fault } = comparison
    // Another deployment may have been applied since this one succeeded: the server's tag names the last one.
    const last = found.database?.tags?.configuration
    const applied = state === 'Succeeded' && last === name && missing.length === 0
    if (applied && drift.length + corrections.length === 0)
      return { ...ok(`deployment ${name} is applied`), fact }
    if (isRunning(state))
      return { ...ok(`deployment ${name} is in progress`), fact: { ...fact, running: true } }
    if (fault && !fault.empty) throw new OpsError(fault)
    const correct = corrections.map(({ command }) => command)
    const fields = [...drift, ...corrections.map(({ field }) => field)]
    if (applied && drift.length === 0)
      return { state: 'change', what: 'make PostgreSQL accept only TLS', fields, effects: correct, fact }
    if (found.database)
      fields.push(...differing(['operator address', await readOperatorRule(context, id), address]))
    if (missing.length + fields.length === 0)
      fields.push({ name: 'template or password', before: last ?? 'another deployment', after: name })
    const what = missing.length === 0 ? `bring the data tier to ${name}` : describeCreation(comparison)
    const effects = [
      ...(groupExists ? [] : [createResourceGroup(config, id)]),
      ...(fault ? [deleteResource(config, id, fault.part)] : []),
      ...correct,
      deploy,
    ]
    return { state: found.database ? 'change' : 'create', what, fields, fact, effects }
  }

  const tier: Task<PendingDeployment> = {
    id: 'data-tier',
    title: 'Data tier',
    part: 'azure',
    after: [login],
    inspect,
    async afterAll({ effects, fact }) {
      azure.forget('deployment', 'groups', 'tags', ...parts.map(({ id }) => id))
      return fact && { ...fact, running: effects.includes(fact.deploy) }
    },
  }

  /** A part exists when ARM says so; while a deployment runs, when the part's last operation has succeeded. */
  const waitFor = (part: Part): Task<PendingDeployment> => ({
    id: part.id,
    title: part.title,
    part: 'azure',
    after: [tier],
    async inspect(ahead) {
      const fact = ahead.isUnknown(tier) ? undefined : ahead.fact(tier)
      const running = fact?.running === true
      const name = part.name(config)
      const found = await azure[part.id]()
      const fault = found && part.findFault?.(config, found, (await azure.account()).id)
      if (found && !running && !fault)
        return ok(`${name} is ${String(found.properties.provisioningState ?? found.properties.state)}`)
      if (fault && !running && !ahead.willChange(tier)) throw new OpsError(fault)
      const isNew = !found || ahead.willChange(tier)
      return {
        state: isNew ? 'create' : 'change',
        what: isNew ? `${name}, by the data tier` : `${name} is ready`,
        effects: [],
        ...(fact ? { fact } : {}),
      }
    },
    async afterAll({ fact }, log) {
      await fact?.follow().until(part.id, log)
      azure.forget(part.id)
      return fact
    },
  })

  const waiting = parts.map((part) => [part.id, waitFor(part)] as const)
  const byId = Object.fromEntries(waiting) as Record<PartId, Task>
  return { tier, parts: waiting.map(([, task]) => task), ...byId }
}

async function hasGroup({ config, runner }: Context, subscription: string): Promise<boolean> {
  const { code } = await runner.run(
    az`group show --name ${config.azure.resourceGroup} --subscription ${subscription}`,
  )
  return code !== absent
}

const createResourceGroup = ({ azure }: Config, subscription: string): Command =>
  az.change`
    group create --name ${azure.resourceGroup} --location ${azure.location} --subscription ${subscription}`
