import { azVersion, describeMissingMfa, withMfa } from '../../azure/account.ts'
import { adviseRole } from '../../azure/advice.ts'
import type { Arm } from '../../azure/arm.ts'
import { judgeNames, judgeProviders, judgeRegions } from '../../azure/availability.ts'
import { coresAdvice, judgeContainerCores } from '../../azure/containers/cores.ts'
import { findMissing } from '../../azure/preflight.ts'
import { getResources } from '../../azure/resources/index.ts'
import type { Asking } from '../../azure/resources/resource.ts'
import { formatAzLine } from '../../config/config.ts'
import { exitCode, OpsError } from '../../util/errors.ts'
import { isAtLeast } from '../../util/semver.ts'
import { type Check, type CheckContext, fail, pass, warn } from '../check.ts'

export const azureLogin: Check = {
  id: 'azure-login',
  title: 'Azure login',
  tags: ['doctor', 'login'],
  needs: 'az',
  advice: () => formatAzLine('az login'),
  async run({ context, azure }) {
    try {
      const { user, name, isPerson } = await azure.account()
      const detail = `${user}, subscription ${name}`
      const version = isPerson ? await azVersion(context) : withMfa
      if (isAtLeast(version, withMfa)) return pass(detail)
      return warn(
        `${detail}; ${describeMissingMfa(version)}`,
        `Install az ${withMfa} or newer, or log in as a service principal, which needs none: ${formatAzLine('az login --service-principal')}`,
      )
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
  advice: adviseRole('Contributor', 'resource group'),
  async run({ context: { config }, azure, arm }) {
    const { id } = await azure.account()
    const { resourceGroup } = config.azure
    const subscription = `/subscriptions/${id}`
    const [inGroup, ofSubscription = []] = await Promise.all(
      [`${subscription}/resourceGroups/${resourceGroup}`, subscription].map((scope) =>
        readPermissions(arm, scope),
      ),
    )
    if (inGroup?.length === 0)
      return fail(
        `this login has no role on the resource group ${resourceGroup}, or the group does not exist`,
      )
    // Before the first deploy there is no group. Whoever creates it has the permissions of the subscription.
    const ofGroup = inGroup ?? ofSubscription
    const needed = [
      ...(inGroup ? [] : ['Microsoft.Resources/subscriptions/resourceGroups/write']),
      ...deploymentPermissions,
      ...getResources(config).flatMap((resource) => resource.permissions),
    ]
    const findLacking = (permissions: readonly Permission[], actions: readonly string[]) =>
      actions.filter((action) => !allowed(permissions, action))
    const lacking = findLacking(ofGroup, needed).join(', ')
    const unasked = [...findLacking(ofSubscription, reads), ...findLacking(ofGroup, [metrics])].join(', ')
    if (lacking) return fail(`this login lacks the permissions for: ${lacking}`)
    if (unasked)
      return warn(
        `a deploy can check less beforehand, because this login lacks the permissions for: ${unasked}`,
        adviseRole(unasked.includes('/action') ? 'Contributor' : 'Reader', 'subscription'),
      )
    return pass(`all ${needed.length + reads.length + 1} that a deploy needs`)
  },
}

/** None where this login has no role; undefined for a group that does not exist. */
async function readPermissions(arm: Arm, scope: string): Promise<Permission[] | undefined> {
  const path = `${scope}/providers/Microsoft.Authorization/permissions`
  try {
    return (await arm.get<{ value: Permission[] }>(path, { 'api-version': '2022-04-01' }))?.value
  } catch (thrown) {
    if (thrown instanceof OpsError && /^AuthorizationFailed\b/.test(thrown.failure.said ?? '')) return []
    throw thrown
  }
}

/** What every deployment needs. Names of all actions: learn.microsoft.com/azure/role-based-access-control/resource-provider-operations. */
const deploymentPermissions = [
  'Microsoft.Resources/subscriptions/resourceGroups/read',
  'Microsoft.Resources/deployments/read',
  'Microsoft.Resources/deployments/write',
  'Microsoft.Resources/deployments/validate/action',
  'Microsoft.Resources/deployments/operations/read',
]

const metrics = 'Microsoft.Insights/metrics/read'

/** Reads of the subscription. A deploy works without them, but can then be refused midway. */
const reads = [
  'Microsoft.Authorization/policyAssignments/read',
  'Microsoft.ContainerInstance/locations/usages/read',
  'Microsoft.ContainerRegistry/checkNameAvailability/read',
  'Microsoft.DBforPostgreSQL/checkNameAvailability/action',
  'Microsoft.DBforPostgreSQL/locations/capabilities/read',
  'Microsoft.DBforPostgreSQL/locations/resourceType/usages/read',
  'Microsoft.Resources/subscriptions/locations/read',
  'Microsoft.Resources/subscriptions/providers/read',
]

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

/** Microsoft.Insights holds the metrics of the containers. */
export const providers: Check = {
  id: 'azure-providers',
  title: 'Registered providers',
  tags: ['doctor', 'quota'],
  needs: 'az',
  async run(checking) {
    const needed = getResources(checking.context.config).map(({ provider }) => provider)
    return judgeProviders(await ask(checking), [...needed, 'Microsoft.Insights'])
  },
}

/** A check of something that does not exist yet. */
const beforehand = (id: string, title: string, judge: typeof judgeRegions): Check => ({
  id,
  title,
  tags: ['doctor', 'quota'],
  needs: 'az',
  async run(checking) {
    const { context, azure } = checking
    const missing = findMissing(context, await azure.dataTier(), await azure.groups())
    return missing.length === 0 ? pass('everything exists') : judge(await ask(checking), missing)
  },
})

export const azureRegions = beforehand('azure-regions', 'Regions and sizes', judgeRegions)
export const azureNames = beforehand('azure-names', 'Names of registry and server', judgeNames)

export const containerCores: Check = {
  id: 'container-cores',
  title: 'Cores for containers',
  tags: ['doctor', 'quota'],
  needs: 'az',
  advice: coresAdvice,
  run: async (checking) => judgeContainerCores(await ask(checking), await checking.azure.groups()),
}

const ask = async ({ context: { config }, azure, arm }: CheckContext): Promise<Asking> => ({
  config,
  arm,
  subscription: (await azure.account()).id,
})
