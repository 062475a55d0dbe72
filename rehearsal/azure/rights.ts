import { type ArmError, refuse } from './errors.ts'
import type { Call } from './http.ts'
import type { Bag } from './json.ts'
import type { World } from './world.ts'

/* What the login may do. Without the fault `few-rights`, it may do everything in its subscription. */

const everything = { actions: ['*'], notActions: [], dataActions: [], notDataActions: [] }

/** Azure's built-in role: learn.microsoft.com/azure/role-based-access-control/built-in-roles/privileged, read on 2026-11-26. */
const contributor = {
  ...everything,
  notActions: [
    'Microsoft.Authorization/*/Delete',
    'Microsoft.Authorization/*/Write',
    'Microsoft.Authorization/elevateAccess/Action',
    'Microsoft.Blueprint/blueprintAssignments/write',
    'Microsoft.Blueprint/blueprintAssignments/delete',
    'Microsoft.Compute/galleries/share/action',
    'Microsoft.Purview/consents/write',
    'Microsoft.Purview/consents/delete',
    'Microsoft.Resources/deploymentStacks/manageDenySetting/action',
    'Microsoft.Subscription/cancel/action',
    'Microsoft.Subscription/enable/action',
  ],
}

/** `…/permissions` of a scope on which the login has a role. */
export const listPermissions = (world: World): Bag[] =>
  world.faults.has('few-rights') ? [contributor] : [everything]

/**
 * The fault `few-rights`: the login is Contributor on the resource groups that exist, and has no role on the
 * subscription. ARM looks for the role first, so what does not exist is refused as well. Of the subscription, the login
 * sees its name, and lists of what it may read.
 */
export function requireRights(world: World, { method, path }: Call): void {
  if (!world.faults.has('few-rights')) return
  const [, id, kind = '', group, ...below] = path.split('/').filter(Boolean)
  if (group === undefined && /^(|resourcegroups|resources)$/i.test(kind) && method === 'GET') return
  const inGroup = kind.toLowerCase() === 'resourcegroups'
  if (inGroup && world.groups.has(group!.toLowerCase())) return
  const subscription = `/subscriptions/${id}`
  if (!inGroup) throw unauthorized(world, method, [kind, group, ...below], subscription)
  throw unauthorized(world, method, below, `${subscription}/resourcegroups/${[group, ...below].join('/')}`)
}

const unauthorized = (world: World, method: string, steps: (string | undefined)[], scope: string): ArmError =>
  refuse('fewRights', {
    client: world.servicePrincipal.id,
    action: nameAction(
      method,
      steps.filter((step) => step !== undefined),
      scope,
    ),
    scope,
  })

/** The names of ARM's own actions begin with Microsoft.Resources; in those of a provider, types and names take turns. */
function nameAction(method: string, steps: string[], scope: string): string {
  const verb = { GET: 'read', HEAD: 'read', DELETE: 'delete', POST: 'action' }[method] ?? 'write'
  const last = steps.map((step) => step.toLowerCase()).lastIndexOf('providers')
  const [namespace, ...rest] = steps.slice(last + 1)
  if (last >= 0 && rest.length > 0) {
    const types = rest.filter((_, index) => index % 2 === 0)
    // Of this provider, the question whether a name is free is a `read`.
    const own =
      namespace!.toLowerCase() === 'microsoft.containerregistry' && types[0] === 'checkNameAvailability'
    return [namespace, ...types, own ? 'read' : verb].join('/')
  }
  const what = scope.includes('/resourcegroups/') ? ['resourcegroups', ...steps] : [steps[0]]
  return ['Microsoft.Resources/subscriptions', ...what, verb].join('/')
}
