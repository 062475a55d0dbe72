import { locations } from './catalogue.ts'
import { getAllowedRegions, isOfferRestricted } from './faults.ts'
import type { Bag } from './json.ts'
import { getVcores, getVersions, sizesOfTiers } from './postgresRules.ts'
import type { Offer } from './types.ts'
import type { World } from './world.ts'

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
export function policyAssignments(world: World): Bag[] {
  const allowed = getAllowedRegions(world)
  if (!allowed) return []
  const scope = `/subscriptions/${world.subscription.id}`
  const [authorization, name] = ['Microsoft.Authorization', 'sys.regionrestriction']
  const properties = {
    displayName: 'Allowed resource deployment regions',
    policyDefinitionId: `${scope}/providers/${authorization}/policyDefinitions/${name}`,
    ...{ scope, notScopes: [], enforcementMode: 'Default' },
    parameters: { listOfAllowedLocations: { value: allowed } },
  }
  const id = `${scope}/providers/${authorization}/policyAssignments/${name}`
  return [{ id, type: `${authorization}/policyAssignments`, name, properties }]
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

const listPostgresCapabilities: Offer = (world, location, apiVersion) => {
  if (isOfferRestricted(world, location)) return [closed]
  const open = {
    name: 'FlexibleServerCapabilities',
    restricted: 'Disabled',
    supportedFeatures: [{ name: 'OfferRestricted', status: 'Disabled' }],
    supportedServerVersions: getVersions(apiVersion).map((name) => ({ name })),
    supportedServerEditions: Object.entries(sizesOfTiers).map(([name, sizes]) => ({
      ...{ name, defaultSkuName: sizes[0]!.name, supportedServerSkus: sizes },
    })),
  }
  return [open]
}

/** The vCores of the region. */
const listPostgresUsages: Offer = (world, location) => {
  const { used, limit } = getVcores(world, location)
  const usage = { currentValue: used, limit, unit: 'Count', id: '' }
  const names = ['cores', 'standardBSFamily', 'standardDDSv5Family', 'standardEDSv5Family']
  return names.map((name) => ({ ...usage, name: { value: name, localizedValue: name } }))
}

export const postgresOffers: Record<string, Offer> = {
  capabilities: listPostgresCapabilities,
  'resourcetype/flexibleservers/usages': listPostgresUsages,
}
