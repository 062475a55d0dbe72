import { getResources } from '../../azure/resources/index.ts'
import type { Config } from '../../config/config.ts'
import { type Check, fail, pass } from '../check.ts'

/** The actions of a deploy in the resource group. */
const getNeeded = (config: Config): string[] => [
  'Microsoft.Resources/deployments/write',
  ...getResources(config).flatMap(({ permissions }) => permissions),
]

interface Permission {
  actions: string[]
  notActions?: string[]
}

export const azurePermissions: Check = {
  id: 'azure-permissions',
  title: 'Rights in Azure',
  tags: ['doctor', 'login'],
  needs: 'az',
  advice: 'Ask for the role Contributor on the resource group (az role assignment create).',
  async run({ context, azure, arm }) {
    const { id } = await azure.account()
    const { resourceGroup } = context.config.azure
    const needed = getNeeded(context.config)
    const read = (scope: string) =>
      arm.get<{ value: Permission[] }>(`${scope}/providers/Microsoft.Authorization/permissions`, {
        'api-version': '2022-04-01',
      })
    const subscription = `/subscriptions/${id}`
    // Before the first deploy the group is not there; its maker then has the rights of the subscription.
    const found =
      (await read(`${subscription}/resourceGroups/${resourceGroup}`)) ?? (await read(subscription))
    const lacking = needed.filter((action) => !allowed(found?.value ?? [], action))
    if (lacking.length > 0) return fail(`this login may not: ${lacking.join(', ')}`)
    return pass(`all ${needed.length} that a deploy needs`)
  },
}

/** A role allows what its actions name and its notActions do not; one role that allows it is enough. */
export const allowed = (permissions: readonly Permission[], action: string): boolean =>
  permissions.some(
    ({ actions, notActions = [] }) =>
      actions.some((pattern) => fits(pattern, action)) &&
      !notActions.some((pattern) => fits(pattern, action)),
  )

/** Azure's patterns: `*` stands for anything, case does not matter. */
function fits(pattern: string, action: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 'i').test(action)
}
