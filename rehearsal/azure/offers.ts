import { locations } from './catalogue.ts'
import { getAllowedRegions, isOfferRestricted } from './faults.ts'
import type { Call, Reply } from './http.ts'
import type { Bag } from './json.ts'
import { getVersions, sizesOfTiers } from './postgresRules.ts'
import type { World } from './world.ts'

const postgres = 'Microsoft.DBforPostgreSQL/flexibleServers'

/** `…/locations`: the regions that exist, whether the subscription may use them or not. */
export const listLocations = (world: World): Bag[] =>
  Object.entries(locations).map(([name, { displayName, geographyGroup }]) => ({
    id: `/subscriptions/${world.subscription.id}/locations/${name}`,
    ...{ name, type: 'Region', displayName, regionalDisplayName: displayName },
    metadata: { regionType: 'Physical', geographyGroup },
  }))

/**
 * `…/policyAssignments`: the regions to which Azure itself restricts a subscription. Name, parameter and definition as
 * reported in Azure/static-web-apps#1743; other assignments are not shown.
 */
export function policyAssignments(world: World): Reply {
  const allowed = getAllowedRegions(world)
  const scope = `/subscriptions/${world.subscription.id}`
  const assignment = {
    id: `${scope}/providers/Microsoft.Authorization/policyAssignments/sys.regionrestriction`,
    type: 'Microsoft.Authorization/policyAssignments',
    name: 'sys.regionrestriction',
    properties: {
      displayName: 'Allowed resource deployment regions',
      policyDefinitionId: `${scope}/providers/Microsoft.Authorization/policyDefinitions/sys.regionrestriction`,
      scope,
      notScopes: [],
      parameters: { listOfAllowedLocations: { value: allowed } },
      enforcementMode: 'Default',
    },
  }
  return { status: 200, body: { value: allowed ? [assignment] : [] } }
}

/** A closed region says so in the three ways that have been seen (docs/azure.md), all at once. */
const closed = {
  name: 'FlexibleServerCapabilities',
  restricted: 'Enabled',
  reason: 'Provisioning is restricted in this region. Please choose a different region.',
  supportedFeatures: [{ name: 'OfferRestricted', status: 'Enabled' }],
  supportedServerVersions: [],
  supportedServerEditions: null,
}

function postgresCapabilities(world: World, apiVersion: string, location: string): Bag {
  const open = {
    name: 'FlexibleServerCapabilities',
    restricted: 'Disabled',
    supportedFeatures: [{ name: 'OfferRestricted', status: 'Disabled' }],
    supportedServerVersions: getVersions(apiVersion).map((name) => ({ name })),
    supportedServerEditions: Object.entries(sizesOfTiers).map(([name, sizes]) => ({
      name,
      defaultSkuName: sizes[0]!.name,
      supportedServerSkus: sizes,
    })),
  }
  return { value: [isOfferRestricted(world, location) ? closed : open] }
}

/** The vCores of the region. */
function postgresUsages(world: World, location: string): Bag {
  const all = Object.values(sizesOfTiers).flat()
  const used = [...world.resources.values()]
    .filter(({ type, wanted }) => type === postgres && wanted.location === location)
    .map(({ wanted }) => all.find(({ name }) => name === wanted.sku?.name)?.vCores ?? 0)
    .reduce((sum, cores) => sum + cores, 0)
  const usage = { currentValue: used, limit: 100, unit: 'Count', id: '' }
  const names = ['cores', 'standardBSFamily', 'standardDDSv5Family', 'standardEDSv5Family']
  return { value: names.map((name) => ({ ...usage, name: { value: name, localizedValue: name } })) }
}

/** What PostgreSQL says of a region: `locations/LOCATION/capabilities`, `…/resourceType/flexibleServers/usages`. */
export function postgresOffer(world: World, call: Call, rest: string[]): Reply | undefined {
  const [namespace, kind, location = '', ...what] = rest.map((part) => part.toLowerCase())
  if (call.method !== 'GET' || namespace !== 'microsoft.dbforpostgresql' || kind !== 'locations')
    return undefined
  if (!(location in locations)) return undefined
  const asked = what.join('/')
  if (asked === 'capabilities') {
    const version = call.query.get('api-version') ?? ''
    return { status: 200, body: postgresCapabilities(world, version, location) }
  }
  if (asked === 'resourcetype/flexibleservers/usages')
    return { status: 200, body: postgresUsages(world, location) }
  return undefined
}
