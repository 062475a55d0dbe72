import { type ContainerGroup, getSize, isOwnGroup } from '../../azure/resources/containerGroups.ts'
import { getResources } from '../../azure/resources/index.ts'
import { type Config, formatAzLine } from '../../config/config.ts'
import { exitCode, OpsError } from '../../util/errors.ts'
import { type Check, fail, pass, type Result, unknown, warn } from '../check.ts'

export const azureLogin: Check = {
  id: 'azure-login',
  title: 'Azure login',
  tags: ['doctor', 'login'],
  needs: 'az',
  advice: 'az login',
  async run({ azure }) {
    try {
      const { user, name } = await azure.account()
      return pass(`${user}, subscription ${name}`)
    } catch (thrown) {
      // For every other check of Azure this is UNKNOWN; for this check it is the fault itself.
      if (thrown instanceof OpsError && thrown.exitCode === exitCode.notLoggedIn)
        return fail(thrown.message, formatAzLine('az login'))
      throw thrown
    }
  },
}

interface Permission {
  actions: string[]
  notActions?: string[]
}

export const azurePermissions: Check = {
  id: 'azure-permissions',
  title: 'Permissions in Azure',
  tags: ['doctor', 'login'],
  needs: 'az',
  advice: 'Ask for the role Contributor on the resource group (az role assignment create).',
  async run({ context, azure, arm }) {
    const { id } = await azure.account()
    const { resourceGroup } = context.config.azure
    const permissions = getResources(context.config).flatMap((resource) => resource.permissions)
    const needed = ['Microsoft.Resources/deployments/write', ...permissions]
    const read = (scope: string) =>
      arm.get<{ value: Permission[] }>(`${scope}/providers/Microsoft.Authorization/permissions`, {
        'api-version': '2022-04-01',
      })
    const subscription = `/subscriptions/${id}`
    // Before the first deploy there is no group. Whoever creates it has the permissions of the subscription.
    const found =
      (await read(`${subscription}/resourceGroups/${resourceGroup}`)) ?? (await read(subscription))
    const lacking = needed.filter((action) => !allowed(found?.value ?? [], action))
    if (lacking.length > 0) return fail(`this login lacks the permissions for: ${lacking.join(', ')}`)
    return pass(`all ${needed.length} that a deploy needs`)
  },
}

/** A role allows what its actions match unless its notActions match it, too. One such role is enough. */
export const allowed = (permissions: readonly Permission[], action: string): boolean =>
  permissions.some(
    ({ actions, notActions = [] }) =>
      actions.some((pattern) => fits(pattern, action)) &&
      !notActions.some((pattern) => fits(pattern, action)),
  )

/** Azure's patterns: `*` matches anything; case is ignored. */
function fits(pattern: string, action: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 'i').test(action)
}

/** A subscription can only create resources of providers that it is registered for. */
export const providers: Check = {
  id: 'azure-providers',
  title: 'Registered providers',
  tags: ['doctor', 'quota'],
  needs: 'az',
  advice: 'az provider register --namespace NAME --wait',
  async run({ context: { config }, azure, arm }) {
    // Microsoft.Insights holds the metrics of the containers.
    const needed = [...getResources(config).map(({ provider }) => provider), 'Microsoft.Insights']
    const { id } = await azure.account()
    const states = await Promise.all(
      needed.map(async (namespace) => {
        const path = `/subscriptions/${id}/providers/${namespace}`
        const found = await arm.get<{ registrationState: string }>(path, { 'api-version': '2021-04-01' })
        return { namespace, state: found?.registrationState ?? 'unknown to Azure' }
      }),
    )
    const missing = states.filter(({ state }) => state !== 'Registered')
    if (missing.length === 0) return pass(`all ${needed.length}`)
    const lines = missing.map(({ namespace }) =>
      formatAzLine(`az provider register --namespace ${namespace} --subscription ${id} --wait`),
    )
    const detail = missing.map(({ namespace, state }) => `${namespace} is ${state}`).join(', ')
    return fail(detail, lines.join(' && '))
  },
}

interface Usage {
  name: { value: string }
  currentValue: number
  limit: number
}

/** Checks the cores that Container Instances may use in the region. During a release, the backend runs twice. */
export const containerCores: Check = {
  id: 'container-cores',
  title: 'Cores for containers',
  tags: ['doctor', 'quota'],
  needs: 'az',
  advice:
    'Request more cores in the portal (Quotas, Container Instances), or set another AZURE_LOCATION or smaller containers.',
  async run({ context: { config }, azure, arm }) {
    const { id } = await azure.account()
    const path = `/subscriptions/${id}/providers/Microsoft.ContainerInstance/locations/${config.azure.location}/usages`
    const found = await arm.get<{ value: Usage[] }>(path, { 'api-version': '2023-05-01' })
    const cores = found?.value.find(({ name }) => name.value === 'StandardCores')
    if (!cores) return unknown(`Azure reports no limit for ${config.azure.location}`)
    const groups = (await azure.groups()).filter(({ name }) => isOwnGroup(name))
    return judgeCores(config, cores, groups)
  },
}

/** The cores left for this deployment are the limit minus what others in the subscription use. */
export function judgeCores(
  { backend, worker }: Config,
  { currentValue, limit }: Usage,
  own: readonly ContainerGroup[],
): Result {
  const running = own.flatMap(({ containers }) => containers).map((each) => getSize(each).cpu ?? 0)
  const left = limit - (currentValue - running.reduce((sum, cpu) => sum + cpu, 0))
  const steady = backend.cpu + worker.cpu * worker.count
  const said = `${left} of ${limit} available; ${steady} needed, ${steady + backend.cpu} during a release`
  if (left < steady) return fail(said)
  return left < steady + backend.cpu ? warn(said) : pass(said)
}
