import { getVersions, lacksType, locations, requireArmVersion, requireProviderVersion } from './catalogue.ts'
import { largestGroup } from './containerRules.ts'
import { refuse, unknownRoute } from './errors.ts'
import { listResources } from './groups.ts'
import { type Call, jsonBody, type Reply } from './http.ts'
import type { Bag } from './json.ts'
import { isTaken } from './names.ts'
import { listLocations, policyAssignments, postgresOffer } from './offers.ts'
import { getResourceType, view } from './resources.ts'
import { usagesReply } from './usages.ts'
import type { World } from './world.ts'

function showSubscription(world: World): Bag {
  const { id, name, tenant } = world.subscription
  return {
    id: `/subscriptions/${id}`,
    subscriptionId: id,
    tenantId: tenant,
    displayName: name,
    state: 'Enabled',
    subscriptionPolicies: {
      locationPlacementId: 'Public_2014-09-01',
      quotaId: 'PayAsYouGo_2014-09-01',
      spendingLimit: 'Off',
    },
    authorizationSource: 'RoleBased',
    managedByTenants: [],
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
        apiVersions: getVersions(world, type)!.toReversed(),
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
  return { status: 200, body: showProvider(world, name) }
}

/** The service principal of a rehearsal may do everything in its own subscription. */
export function permissionsReply(world: World, call: Call, rest: string[]): Reply {
  const what = rest[0]?.toLowerCase()
  if (call.method === 'GET' && what === 'permissions')
    return {
      status: 200,
      body: { value: [{ actions: ['*'], notActions: [], dataActions: [], notDataActions: [] }] },
    }
  if (call.method === 'GET' && what === 'policyassignments') return policyAssignments(world)
  if (call.method === 'GET' && what === 'roleassignments')
    return {
      status: 200,
      body: {
        value: [
          {
            id: `/subscriptions/${world.subscription.id}/providers/Microsoft.Authorization/roleAssignments/rehearsal`,
            name: 'rehearsal',
            type: 'Microsoft.Authorization/roleAssignments',
            properties: {
              principalId: world.servicePrincipal.id,
              principalType: 'ServicePrincipal',
              scope: `/subscriptions/${world.subscription.id}`,
              roleDefinitionId: `/subscriptions/${world.subscription.id}/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635`,
            },
          },
        ],
      },
    }
  throw unknownRoute(call)
}

function nameAvailable(world: World, call: Call, type: string): Reply {
  const name = String(jsonBody(call).name ?? '')
  const taken =
    world.faults.get('server-name-taken')?.server === name ||
    isTaken(world, { type, name, group: '', id: '' })
  const server = type.endsWith('/flexibleServers')
  const message = server
    ? 'Specified server name is already used.'
    : `The registry ${name} is already in use.`
  return {
    status: 200,
    body: {
      ...(server ? { name } : {}),
      nameAvailable: !taken,
      reason: taken ? 'AlreadyExists' : null,
      message: taken ? message : '',
    },
  }
}

/** Location_ListCapabilities of Microsoft.ContainerInstance: the largest group that a region accepts. */
function containerCapabilities(call: Call, namespace: string, location: string): Reply {
  if (namespace.toLowerCase() !== 'microsoft.containerinstance' || !(location in locations))
    throw unknownRoute(call)
  const about = { resourceType: 'containerGroups', location, ipAddressType: 'Public', gpu: 'None' }
  const value = ['Linux', 'Windows'].map((osType) => ({
    ...about,
    osType,
    capabilities: { maxCpu: largestGroup.cpu, maxMemoryInGB: largestGroup.memoryGb, maxGpuCount: 0 },
  }))
  return { status: 200, body: { value } }
}

function providersRoute(world: World, call: Call, rest: string[]): Reply {
  const [namespace, first, second, third] = rest
  const version = call.query.get('api-version') ?? ''
  if (!first || first.toLowerCase() === 'register') requireArmVersion(version)
  else requireProviderVersion(world, namespace!, [first, third].filter(Boolean).join('/'), version)
  if (!namespace)
    return {
      status: 200,
      body: { value: [...world.providers.keys()].map((each) => showProvider(world, each)) },
    }
  if (!first) return { status: 200, body: showProvider(world, namespace) }
  if (call.method === 'POST' && first.toLowerCase() === 'register') return register(world, namespace)
  if (namespace.toLowerCase() === 'microsoft.authorization')
    return permissionsReply(world, call, rest.slice(1))
  if (call.method === 'POST' && (third ?? first).toLowerCase() === 'checknameavailability') {
    const type = /postgresql/i.test(namespace)
      ? 'Microsoft.DBforPostgreSQL/flexibleServers'
      : 'Microsoft.ContainerRegistry/registries'
    return nameAvailable(world, call, type)
  }
  const offer = postgresOffer(world, call, rest)
  if (offer) return offer
  if (call.method === 'GET' && first === 'locations' && third === 'capabilities')
    return containerCapabilities(call, namespace, second ?? '')
  if (call.method === 'GET' && /^locations$/i.test(first) && third?.toLowerCase() === 'usages')
    return usagesReply(world, call, namespace, second ?? '')
  if (call.method === 'GET' && !second) {
    const type = getResourceType(world, `${namespace}/${first}`).type
    const value = [...world.resources.values()]
      .filter((each) => each.type === type)
      .map((each) => view(world, each, true))
    return { status: 200, body: { value } }
  }
  throw unknownRoute(call)
}

/** Handles everything that is not inside a resource group. */
export function subscriptionRoute(world: World, call: Call, parts: string[]): Reply {
  const [top, , kind] = parts.map((part) => part.toLowerCase())
  const list = (value: Bag[]): Reply => ({ status: 200, body: { value } })
  if (call.method === 'GET' && top === 'subscriptions' && parts.length === 1)
    return list([showSubscription(world)])
  if (call.method === 'GET' && top === 'subscriptions' && parts.length === 2)
    return { status: 200, body: showSubscription(world) }
  if (call.method === 'GET' && top === 'tenants')
    return list([
      {
        id: `/tenants/${world.subscription.tenant}`,
        tenantId: world.subscription.tenant,
        displayName: 'Rehearsal',
      },
    ])
  if (top === 'subscriptions' && kind === 'providers') return providersRoute(world, call, parts.slice(3))
  if (call.method === 'GET' && kind === 'resources') return listResources(world, call)
  if (call.method === 'GET' && kind === 'locations') return list(listLocations(world))
  throw unknownRoute(call)
}
