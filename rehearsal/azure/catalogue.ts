import { type ArmError, refuse } from './errors.ts'
import type { World } from './world.ts'

/* What Azure offers: regions, and which API versions it accepts. */

/** Public regions by the name that ARM uses. */
export const locations: Record<string, string> = {
  australiaeast: 'Australia East',
  australiasoutheast: 'Australia Southeast',
  austriaeast: 'Austria East',
  brazilsouth: 'Brazil South',
  canadacentral: 'Canada Central',
  canadaeast: 'Canada East',
  centralindia: 'Central India',
  centralus: 'Central US',
  eastasia: 'East Asia',
  eastus: 'East US',
  eastus2: 'East US 2',
  francecentral: 'France Central',
  germanywestcentral: 'Germany West Central',
  israelcentral: 'Israel Central',
  italynorth: 'Italy North',
  japaneast: 'Japan East',
  japanwest: 'Japan West',
  koreacentral: 'Korea Central',
  mexicocentral: 'Mexico Central',
  newzealandnorth: 'New Zealand North',
  northcentralus: 'North Central US',
  northeurope: 'North Europe',
  norwayeast: 'Norway East',
  polandcentral: 'Poland Central',
  qatarcentral: 'Qatar Central',
  southafricanorth: 'South Africa North',
  southcentralus: 'South Central US',
  southeastasia: 'Southeast Asia',
  southindia: 'South India',
  spaincentral: 'Spain Central',
  swedencentral: 'Sweden Central',
  switzerlandnorth: 'Switzerland North',
  uaenorth: 'UAE North',
  uksouth: 'UK South',
  ukwest: 'UK West',
  westcentralus: 'West Central US',
  westeurope: 'West Europe',
  westus: 'West US',
  westus2: 'West US 2',
  westus3: 'West US 3',
}

const geographyGroups: readonly [string, RegExp][] = [
  ['US', /us\d?$/],
  ['Canada', /^canada/],
  ['Mexico', /^mexico/],
  ['South America', /^brazil/],
  ['Africa', /^southafrica/],
  ['Middle East', /^(israel|qatar|uae)/],
  ['Europe', /europe|^(austria|france|germany|italy|norway|poland|spain|sweden|switzerland|uk)/],
]

/** The part of the world, as `az account list-locations` shows it. */
export const getGeographyGroup = (location: string): string =>
  geographyGroups.find(([, names]) => names.test(location))?.[0] ?? 'Asia Pacific'

/** The words of a text. */
export const words = (text: string): string[] => text.trim().split(/\s+/)

/** The builds of a registry have versions of their own. */
const taskVersions = words('2018-02-01-preview 2018-09-01 2019-04-01 2019-06-01-preview 2025-03-01-preview')

/** Of ARM itself: subscriptions, groups, deployments, providers. */
const armVersions = words(`
  2014-04-01 2015-01-01 2015-11-01 2016-02-01 2016-06-01 2016-07-01 2016-09-01 2017-05-10 2018-02-01 2018-05-01
  2018-06-01 2019-03-01 2019-05-01 2019-05-10 2019-06-01 2019-07-01 2019-08-01 2019-10-01 2019-11-01 2020-01-01
  2020-06-01 2020-08-01 2020-10-01 2021-01-01 2021-04-01 2022-09-01 2022-12-01 2023-07-01 2024-03-01 2024-07-01
  2024-11-01 2025-03-01 2025-04-01`)

/** The API versions of a type such as `Microsoft.Cache/redisEnterprise/databases`; undefined if it is not known. */
export function getVersions({ types }: World, type: string): readonly string[] | undefined {
  const [namespace, first, below] = type.toLowerCase().split('/')
  if (/^(runs|schedulerun|listbuildsourceuploadurl)$/.test(below ?? '')) return taskVersions
  return types.find((each) => each.type.toLowerCase() === `${namespace}/${first}`)?.versions
}

/**
 * Throws ARM's NoRegisteredProviderFound.
 * @param location of the resource, or of its group
 */
export function requireVersion(world: World, type: string, apiVersion: string, location: string): void {
  const known = getVersions(world, type)
  if (known && !known.includes(apiVersion)) throw noRegisteredProvider(world, type, apiVersion, location)
}

function noRegisteredProvider(world: World, type: string, apiVersion: string, location: string): ArmError {
  const within = type.split('/').slice(1).join('/')
  const versions = (getVersions(world, type) ?? []).join(', ')
  return refuse('noRegisteredProvider', { location, apiVersion, type: within, versions })
}

/** By the fault `type-not-offered`. */
export function lacksType(world: World, type: string, location: string): boolean {
  const fault = world.faults.get('type-not-offered')
  const [namespace, first] = type.toLowerCase().split('/')
  return fault?.location === location && fault.type.toLowerCase() === `${namespace}/${first}`
}

/** Throws for a new resource what an unknown API version gets, too: only the list of versions tells them apart. */
export function requireOffered(world: World, type: string, apiVersion: string, location: string): void {
  if (lacksType(world, type, location)) throw noRegisteredProvider(world, type, apiVersion, location)
}

/**
 * The same of what a provider answers outside of its resources, such as `checkNameAvailability` and `locations/…`: it has
 * the versions of its resources. Words: Azure/azure-sdk-for-python#1704.
 */
export function requireProviderVersion(
  { types }: World,
  namespace: string,
  what: string,
  apiVersion: string,
): void {
  const own = types.filter(({ type }) => type.toLowerCase().startsWith(`${namespace.toLowerCase()}/`))
  const known = own.flatMap(({ versions = [] }) => versions)
  if (own.length === 0 || known.includes(apiVersion)) return
  throw refuse('providerVersion', {
    what,
    namespace,
    apiVersion,
    versions: [...new Set(known)].sort().reverse().join(','),
  })
}

export function requireArmVersion(version: string): void {
  if (armVersions.includes(version)) return
  throw refuse('armVersion', { version, versions: armVersions.toReversed().join(',') })
}

/** Throws ARM's LocationNotAvailableForResourceType. Words: Azure/Azure-Landing-Zones#2199. */
export function requireTypeLocation(type: string, location: string): void {
  if (location in locations) return
  throw refuse('typeLocation', { location, type, locations: Object.keys(locations).join(',') })
}

/** The same of a resource group. Words: cloud-barista/cb-spider#527. */
export function requireGroupLocation(location: string): void {
  if (location in locations) return
  throw refuse('groupLocation', { location, locations: Object.keys(locations).join(',') })
}
