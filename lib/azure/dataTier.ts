import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type Config, formatKeyFile, formatScriptLine } from '../config/config.ts'
import { revealSecret } from '../config/secret.ts'
import type { Command } from '../shell/command.ts'
import { type Context, type Difference, type Field, ok, type Task } from '../tasks/task.ts'
import { OpsError, usageError } from '../util/errors.ts'
import { az, azInput } from './cli.ts'
import type { Azure } from './client.ts'
import { fingerprint } from './containers/spec.ts'
import { isRunning, watchDeployment } from './deployment.ts'
import { hiddenRefusal } from './meanings.ts'
import { deleteResource } from './remove.ts'
import { type DataTier, getDataTier, type Part, type PartId } from './resources/index.ts'
import { assertNoStepBack, isUpgrade, readOperatorAddress, versionField } from './resources/postgres.ts'
import type { Correction, Fault, Parameters, Resource } from './resources/resource.ts'

const templateFile = path.join(import.meta.dirname, '..', '..', 'infra', 'data-tier.json')

/** The parameters of infra/data-tier.json whose content names the deployment. Their order is part of the name. */
export const templateParameters = (config: Config): Parameters =>
  Object.assign({}, ...getDataTier(config).map((part) => part.getParameters(config)))

/** The deployment is named after its content: if a deployment of this name succeeded, it has applied exactly this. */
export const deploymentName = (parameters: Parameters, password: string, server: string): string => {
  const template = readFileSync(templateFile, 'utf8')
  const wanted = [template, JSON.stringify(parameters), fingerprint(password, server)].join('\n')
  return `codex-data-tier-${createHash('sha256').update(wanted).digest('hex').slice(0, 12)}`
}

/** Parameters that do not name the deployment: a change of these alone does not apply everything again. */
export interface UnnamedParameters {
  postgresPassword: string
  operatorAddress: string
  /** `Update` for a newer major version of an existing server, and only then. */
  postgresCreateMode: 'Default' | 'Update'
}

/** `az deployment group create`, with the values on its standard input. */
export function deployCommand(
  config: Config,
  name: string,
  parameters: Parameters & UnnamedParameters,
  subscription: string,
): Command {
  const all = { ...parameters, configuration: name }
  const values = Object.fromEntries(Object.entries(all).map(([key, value]) => [key, { value }]))
  const file = {
    $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#',
    contentVersion: '1.0.0.0',
    parameters: values,
  }
  const inquiry = { when: hiddenRefusal, command: validateCommand(config, name, values, subscription) }
  return az.change({ inquiry })`
    deployment group create --resource-group ${config.azure.resourceGroup} --name ${name}
      --template-file ${templateFile} --parameters ${azInput('parameters.json', file)}
      --no-wait --subscription ${subscription}`
}

/** Asks ARM what is wrong with the deployment: `az rest` prints ARM's message in every release of az. */
function validateCommand(config: Config, name: string, parameters: object, subscription: string): Command {
  const template: unknown = JSON.parse(readFileSync(templateFile, 'utf8'))
  const body = { properties: { mode: 'Incremental', template, parameters } }
  const url = `https://management.azure.com/subscriptions/${subscription}/resourcegroups/${config.azure.resourceGroup}/providers/Microsoft.Resources/deployments/${name}/validate`
  return az({ accept: [0] })`
    rest --method post --url ${url} --url-parameters api-version=2021-04-01
      --body ${azInput('validate.json', body)}`
}

interface Comparison {
  /** Differences that a deployment corrects. */
  drift: Field[]
  /** Differences that a deployment also corrects, but that are no reason for one. */
  resets: Field[]
  /** Differences that are corrected without a deployment. */
  corrections: Correction[]
  /** Resources that do not exist yet or must be recreated. */
  missing: string[]
  fault: (Fault & { part: Part }) | undefined
  /** The configuration asks for a newer major version of PostgreSQL, which Azure cannot undo. */
  upgrade: boolean
}

/** A resource cannot move, and it keeps its name where it is. */
function findMove(part: Part, config: Config, found: Resource): Fault | undefined {
  const [is, wanted] = [found.location?.replaceAll(' ', '').toLowerCase(), part.location(config)]
  if (is === undefined || is === wanted) return undefined
  const { name, location } = part.keys
  return {
    what: `${part.title} ${part.name(config)} is in ${is}, not in ${wanted}, and Azure cannot move it`,
    next: `Set ${location}=${is} in ${formatKeyFile(location)}. Or set ${name} to a new name for a new, empty one in ${wanted}, and move the data yourself.`,
    empty: false,
  }
}

function compare(config: Config, found: DataTier, subscription: string, address: string): Comparison {
  const upgrade = isUpgrade(config, found.database)
  const result: Comparison = {
    ...{ drift: [], resets: [], corrections: [], missing: [], fault: undefined, upgrade },
  }
  for (const part of getDataTier(config)) {
    const resource = found[part.id]
    if (resource) {
      result.drift.push(...part.getDrift(config, resource))
      result.resets.push(...(part.getResets?.(resource) ?? []))
      result.corrections.push(...(part.getCorrections?.(config, resource, subscription, address) ?? []))
    }
    const fault =
      resource && (part.findFault?.(config, resource, subscription) ?? findMove(part, config, resource))
    // A fault that stops the run takes precedence over one that a new resource corrects.
    if (fault && (result.fault?.empty ?? true)) result.fault = { ...fault, part }
    const missing = resource && !fault ? part.getMissingChild?.(config, resource) : part.describe(config)
    if (missing) result.missing.push(missing)
  }
  return result
}

/**
 * Throws when a resource must be taken care of by the operator first, when Azure would refuse a change of the server, and
 * when a newer major version is not the only thing that the deployment would change: nothing else may be the reason why an
 * upgrade fails.
 */
function assertDeployable(
  config: Config,
  { database }: DataTier,
  { drift, missing, fault, upgrade }: Comparison,
): void {
  // First, because no other size or version helps while Azure is deleting the server.
  if (fault && !fault.empty) throw new OpsError(fault)
  assertNoStepBack(config, database)
  if (!upgrade) return
  const others = [...drift.map(({ name }) => name).filter((name) => name !== versionField), ...missing]
  if (others.length === 0) return
  throw usageError(
    `An upgrade of PostgreSQL must be a deployment without other changes, but these differ, too: ${others.join(', ')}`,
    `Set POSTGRES_VERSION back in ${formatKeyFile('POSTGRES_VERSION')}, run ${formatScriptLine('provision')}, then upgrade.`,
  )
}

function describeDeployment(config: Config, { missing, fault, upgrade }: Comparison, name: string): string {
  const first = fault ? `${fault.what}: delete it, then ` : ''
  const what =
    missing.length === 0 ? `bring the data tier to ${name}` : `${first}create ${missing.join(', ')}`
  return upgrade
    ? `${what}, an upgrade of ${config.postgres.server} that Azure cannot undo, with a downtime of minutes; back it up first: ${formatScriptLine('backup-database')}`
    : what
}

const describeCorrections = (corrections: readonly Correction[]) => ({
  state: 'change' as const,
  what: corrections.map(({ what }) => what).join(', '),
  fields: corrections.map(({ field }) => field),
  effects: corrections.map(({ command }) => command),
})

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

/** The deployment that the configuration describes, its state, and what exists of the data tier. */
export async function findDeployed(context: Context, azure: Azure) {
  const { config, runner } = context
  const password = await revealSecret(config.postgres.password, runner)
  const parameters = templateParameters(config)
  const name = deploymentName(parameters, password, config.postgres.server)
  const state = (await azure.deployment(name))?.properties.provisioningState
  const groupExists = state !== undefined || (await azure.group()) !== undefined
  const found: DataTier = groupExists ? await azure.dataTier() : {}
  return { name, password, parameters, state, groupExists, found }
}

/**
 * The data tier, submitted as one deployment, and a task for each of its parts that waits for that part alone: a task
 * that needs only one of them does not wait for all.
 */
export function dataTierTasks(
  context: Context,
  azure: Azure,
  preflight: Task,
): Record<PartId, Task> & { tier: Task<PendingDeployment>; parts: Task[] } {
  const { config } = context
  const parts = getDataTier(config)

  async function inspect(): Promise<Difference<PendingDeployment>> {
    const { id } = await azure.account()
    const operatorAddress = await readOperatorAddress(context)
    const { name, password, parameters, state, groupExists, found } = await findDeployed(context, azure)
    const comparison = compare(config, found, id, operatorAddress)
    const postgresCreateMode = comparison.upgrade ? 'Update' : 'Default'
    const all = { ...parameters, operatorAddress, postgresPassword: password, postgresCreateMode } as const
    const deploy = deployCommand(config, name, all, id)
    const fact = createDeployment(context, azure, name, deploy)
    const { drift, resets, corrections, missing, fault } = comparison
    // Another deployment may have been applied since this one succeeded: the server's tag names the last one.
    const last = found.database?.tags?.configuration
    const applied = state === 'Succeeded' && last === name && missing.length === 0
    if (applied && drift.length + corrections.length === 0)
      return { ...ok(`deployment ${name} is applied`), fact }
    if (isRunning(state))
      return { ...ok(`deployment ${name} is in progress`), fact: { ...fact, running: true } }
    assertDeployable(config, found, comparison)
    if (applied && drift.length === 0) return { ...describeCorrections(corrections), fact }
    const fields = [...drift, ...corrections.map(({ field }) => field)]
    if (missing.length + fields.length === 0)
      fields.push({ name: 'template or password', before: last ?? 'another deployment', after: name })
    fields.push(...resets)
    const what = describeDeployment(config, comparison, name)
    const effects = [
      ...(groupExists ? [] : [createResourceGroup(config, id)]),
      ...(fault ? [deleteResource(config, id, fault.part)] : []),
      ...corrections.filter(({ deployed }) => !deployed).map(({ command }) => command),
      deploy,
    ]
    return { state: found.database ? 'change' : 'create', what, fields, fact, effects }
  }

  const tier: Task<PendingDeployment> = {
    id: 'data-tier',
    title: 'Data tier',
    part: 'azure',
    after: [preflight],
    inspect,
    async afterAll({ effects, fact }) {
      azure.forget('deployment', 'group', 'groups', 'tags', ...parts.map(({ id }) => id))
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

const createResourceGroup = ({ azure }: Config, subscription: string): Command =>
  az.change`
    group create --name ${azure.resourceGroup} --location ${azure.location} --subscription ${subscription}`
