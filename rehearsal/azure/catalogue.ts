import { type ArmError, refuse } from './errors.ts'
import regions from './locations.json' with { type: 'json' }
import type { World } from './world.ts'

/* What Azure offers: regions, and which API versions it accepts. */

/** Public regions by the name that ARM uses, with the part of the world that `az account list-locations` shows. */
export const locations: Record<string, { displayName: string; geographyGroup: string }> = regions

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
