import { getVersions, lacksType, locations, requireArmVersion, requireProviderVersion } from './catalogue.ts'
import { refuse, unknownRoute } from './errors.ts'
import { listResources } from './groups.ts'
import { type Call, jsonBody, listed, ok, type Reply } from './http.ts'
import type { Bag } from './json.ts'
import { isTaken } from './names.ts'
import { listLocations, policyAssignments } from './offers.ts'
import { getResourceType, view } from './resources.ts'
import { listPermissions } from './rights.ts'
import type { ResourceType } from './types.ts'
import type { World } from './world.ts'

function showSubscription({ subscription: { id, name, tenant } }: World): Bag {
  const offer = 'PayAsYouGo_2014-09-01'
  return {
    ...{
      id: `/subscriptions/${id}`,
      subscriptionId: id,
      tenantId: tenant,
      displayName: name,
      state: 'Enabled',
    },
    subscriptionPolicies: { locationPlacementId: 'Public_2014-09-01', quotaId: offer, spendingLimit: 'Off' },
    ...{ authorizationSource: 'RoleBased', managedByTenants: [] },
  }
}

function showProvider(world: World, name: string): Bag {
  const entry = [...world.providers].find(([each]) => each.toLowerCase() === name.toLowerCase())
  if (!entry) throw refuse('unknownNamespace', { namespace: name })
  const prefix = `${entry[0].toLowerCase()}/`
  return {
    id: `/subscriptions/${world.subscription.id}/providers/${entry[0]}`,
    namespace: entry[0],
    registrationState: entry[1],
    registrationPolicy: 'RegistrationRequired',
    resourceTypes: world.types
      .filter((each) => each.type.toLowerCase().startsWith(prefix))
      .map(({ type }) => ({
        resourceType: type.split('/').slice(1).join('/'),
        locations: Object.keys(locations)
          .filter((name) => !lacksType(world, type, name))
          .map((name) => locations[name]!.displayName),
        // `az resource show` uses the newest version from here by default.
        apiVersions: getVersions(type)!.toReversed(),
        capabilities: 'SupportsTags, SupportsLocation',
      })),
  }
}

function register(world: World, name: string): Reply {
  const shown = showProvider(world, name)
  if (shown.registrationState === 'NotRegistered') {
    world.providers.set(shown.namespace, 'Registering')
    setTimeout(() => world.providers.set(shown.namespace, 'Registered'), 1500).unref()
  }
  return ok(showProvider(world, name))
}

function showRoleAssignment({ subscription, servicePrincipal }: World): Bag {
  const scope = `/subscriptions/${subscription.id}`
  const [type, name] = ['Microsoft.Authorization/roleAssignments', 'rehearsal']
  const owner = '8e3af657-a8ff-443c-a75c-2fe8c4bcb635'
  const roleDefinitionId = `${scope}/providers/Microsoft.Authorization/roleDefinitions/${owner}`
  const principal = { principalId: servicePrincipal.id, principalType: 'ServicePrincipal' }
  return {
    id: `${scope}/providers/${type}/${name}`,
    name,
    type,
    properties: { ...principal, scope, roleDefinitionId },
  }
}

/** What Microsoft.Authorization answers. */
export function authorizationReply(world: World, call: Call, rest: string[]): Reply {
  requireProviderVersion('Microsoft.Authorization', rest[0] ?? '', call.query.get('api-version') ?? '')
  const what = call.method === 'GET' ? rest[0]?.toLowerCase() : undefined
  if (what === 'permissions') return listed(listPermissions(world))
  if (what === 'policyassignments') return listed(policyAssignments(world))
  if (what === 'roleassignments') return listed([showRoleAssignment(world)])
  throw unknownRoute(call)
}

function nameAvailable(world: World, call: Call, { type, nameTaken }: ResourceType): Reply {
  const name = String(jsonBody(call).name ?? '')
  const taken =
    world.faults.get('server-name-taken')?.server === name ||
    isTaken(world, { type, name, group: '', id: '' })
  const reason = taken ? { reason: 'AlreadyExists' } : { reason: null, message: '' }
  return ok({ ...nameTaken?.(name), nameAvailable: !taken, ...reason })
}

function providersRoute(world: World, call: Call, rest: string[]): Reply {
  const [namespace, first, ...more] = rest
  const [what, below] = [first?.toLowerCase(), more.slice(1).join('/').toLowerCase()]
  const version = call.query.get('api-version') ?? ''
  if (!first || what === 'register') requireArmVersion(version)
  else if (namespace!.toLowerCase() === 'microsoft.authorization')
    return authorizationReply(world, call, rest.slice(1))
  else requireProviderVersion(namespace!, [first, more[1]].filter(Boolean).join('/'), version)
  const own = world.types.filter(({ type }) => type.split('/')[0]!.toLowerCase() === namespace?.toLowerCase())
  if (!namespace) return listed([...world.providers.keys()].map((each) => showProvider(world, each)))
  if (!first) return ok(showProvider(world, namespace))
  if (call.method === 'POST' && what === 'register') return register(world, namespace)
  const named = own.find(({ nameTaken }) => nameTaken)
  if (call.method === 'POST' && named && [what, below].includes('checknameavailability'))
    return nameAvailable(world, call, named)
  const location = more[0]?.toLowerCase() ?? ''
  const offer = own.map(({ offers }) => offers?.[below]).find(Boolean)
  if (call.method === 'GET' && what === 'locations' && location in locations && offer)
    return listed(offer(world, location, version))
  if (call.method !== 'GET' || more.length > 0) throw unknownRoute(call)
  const { type } = getResourceType(world, `${namespace}/${first}`)
  const found = [...world.resources.values()].filter((each) => each.type === type)
  return listed(found.map((each) => view(world, each, true)))
}

/** Handles everything that is not inside a resource group. */
export function subscriptionRoute(world: World, call: Call, parts: string[]): Reply {
  const [top, , kind] = parts.map((part) => part.toLowerCase())
  if (top === 'subscriptions' && kind === 'providers') return providersRoute(world, call, parts.slice(3))
  if (call.method !== 'GET') throw unknownRoute(call)
  const { tenant } = world.subscription
  if (top === 'tenants')
    return listed([{ id: `/tenants/${tenant}`, tenantId: tenant, displayName: 'Rehearsal' }])
  if (top === 'subscriptions' && parts.length === 1) return listed([showSubscription(world)])
  if (top === 'subscriptions' && parts.length === 2) return ok(showSubscription(world))
  if (kind === 'resources') return listResources(world, call)
  if (kind === 'locations') return listed(listLocations(world))
  throw unknownRoute(call)
}
