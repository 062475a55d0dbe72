import { type ArmError, badRequest, refuse } from './errors.ts'
import type { World } from './world.ts'

/**
 * What Azure offers: regions, and the API versions of each resource type. Source of the versions: the folders of
 * Azure/bicep-types-az, generated/, which are made from Microsoft's API documents (read on 2026-11-26).
 */

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

const words = (text: string): string[] => text.trim().split(/\s+/)

/** By the first type of a resource provider; its children have the same. Oldest first. */
const versions: Record<string, string[]> = {
  'microsoft.containerinstance/containergroups': words(`
    2018-04-01 2018-06-01 2018-09-01 2018-10-01 2019-12-01 2020-11-01 2021-03-01 2021-07-01 2021-09-01 2021-10-01
    2022-09-01 2022-10-01-preview 2023-02-01-preview 2023-05-01 2024-05-01-preview 2024-09-01-preview
    2024-10-01-preview 2024-11-01-preview 2025-09-01`),
  // Azure's own answer in Azure/bicep-types-az#2333, without the private ones, and the versions since then.
  'microsoft.dbforpostgresql/flexibleservers': words(`
    2021-06-01 2022-12-01 2023-03-01-preview 2023-06-01-preview 2023-12-01-preview 2024-08-01 2024-11-01-preview
    2025-01-01-preview 2025-06-01-preview 2025-08-01`),
  'microsoft.cache/redisenterprise': words(`
    2020-10-01-preview 2021-02-01-preview 2021-03-01 2021-08-01 2022-01-01 2022-11-01-preview 2023-03-01-preview
    2023-07-01 2023-08-01-preview 2023-10-01-preview 2023-11-01 2024-02-01 2024-03-01-preview 2024-06-01-preview
    2024-09-01-preview 2024-10-01 2025-04-01 2025-05-01-preview 2025-07-01 2025-08-01-preview`),
  'microsoft.cache/redis': words(`
    2015-08-01 2016-04-01 2017-02-01 2017-10-01 2018-03-01 2019-07-01 2020-06-01 2020-12-01 2021-06-01 2022-05-01
    2022-06-01 2023-04-01 2023-05-01-preview 2023-08-01 2024-03-01 2024-04-01-preview 2024-11-01`),
  'microsoft.containerregistry/registries': words(`
    2017-03-01 2017-10-01 2019-05-01 2019-12-01-preview 2020-11-01-preview 2021-06-01-preview 2021-08-01-preview
    2021-09-01 2021-12-01-preview 2022-02-01-preview 2022-12-01 2023-01-01-preview 2023-06-01-preview 2023-07-01
    2023-08-01-preview 2023-11-01-preview 2024-11-01-preview 2025-03-01-preview 2025-04-01 2025-11-01`),
}

/** The builds of a registry have versions of their own. */
const taskVersions = words('2018-02-01-preview 2018-09-01 2019-04-01 2019-06-01-preview 2025-03-01-preview')

/** Of ARM itself: subscriptions, groups, deployments, providers. */
const armVersions = words(`
  2014-04-01 2015-01-01 2015-11-01 2016-02-01 2016-06-01 2016-07-01 2016-09-01 2017-05-10 2018-02-01 2018-05-01
  2018-06-01 2019-03-01 2019-05-01 2019-05-10 2019-06-01 2019-07-01 2019-08-01 2019-10-01 2019-11-01 2020-01-01
  2020-06-01 2020-08-01 2020-10-01 2021-01-01 2021-04-01 2022-09-01 2022-12-01 2023-07-01 2024-03-01 2024-07-01
  2024-11-01 2025-03-01 2025-04-01`)

/** The API versions of a type such as `Microsoft.Cache/redisEnterprise/databases`; undefined if it is not known. */
export function getVersions(type: string): string[] | undefined {
  const [namespace, first, below] = type.toLowerCase().split('/')
  if (/^(runs|schedulerun|listbuildsourceuploadurl)$/.test(below ?? '')) return taskVersions
  return versions[`${namespace}/${first}`]
}

/**
 * Throws ARM's NoRegisteredProviderFound.
 * @param location of the resource, or of its group
 */
export function requireVersion(type: string, apiVersion: string, location: string): void {
  const known = getVersions(type)
  if (known && !known.includes(apiVersion)) throw noRegisteredProvider(type, apiVersion, location)
}

function noRegisteredProvider(type: string, apiVersion: string, location: string): ArmError {
  const within = type.split('/').slice(1).join('/')
  const versions = (getVersions(type) ?? []).join(', ')
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
  if (lacksType(world, type, location)) throw noRegisteredProvider(type, apiVersion, location)
}

/**
 * The same of what a provider answers outside of its resources, such as `checkNameAvailability` and `locations/…`: it has
 * the versions of its resources. Words: Azure/azure-sdk-for-python#1704.
 */
export function requireProviderVersion(namespace: string, what: string, apiVersion: string): void {
  const own = Object.keys(versions).filter((type) => type.startsWith(`${namespace.toLowerCase()}/`))
  const known = own.flatMap((type) => versions[type]!)
  if (own.length === 0 || known.includes(apiVersion)) return
  throw badRequest(
    'InvalidResourceType',
    `The resource type '${what}' could not be found in the namespace '${namespace}' for api version '${apiVersion}'. ` +
      `The supported api-versions are '${[...new Set(known)].sort().reverse().join(',')}'.`,
  )
}

export function requireArmVersion(version: string): void {
  if (armVersions.includes(version)) return
  throw badRequest(
    'InvalidApiVersionParameter',
    `The api-version '${version}' is invalid. The supported versions are '${armVersions.toReversed().join(',')}'.`,
  )
}

/** Throws ARM's LocationNotAvailableForResourceType. Words: Azure/Azure-Landing-Zones#2199. */
export function requireTypeLocation(type: string, location: string): void {
  if (location in locations) return
  throw badRequest(
    'LocationNotAvailableForResourceType',
    `The provided location '${location}' is not available for resource type '${type}'. ` +
      `List of available regions for the resource type is '${Object.keys(locations).join(',')}'.`,
  )
}

/** The same of a resource group. Words: cloud-barista/cb-spider#527. */
export function requireGroupLocation(location: string): void {
  if (location in locations) return
  throw badRequest(
    'LocationNotAvailableForResourceGroup',
    `The provided location '${location}' is not available for resource group. ` +
      `List of available regions is '${Object.keys(locations).join(',')}'.`,
  )
}
