import apiVersions from './apiVersions.json' with { type: 'json' }
import { type ArmError, refuse } from './errors.ts'
import regions from './locations.json' with { type: 'json' }
import type { World } from './world.ts'

/* What Azure offers: regions, and which API versions it accepts. */

/** Public regions by the name that ARM uses, with the part of the world that `az account list-locations` shows. */
export const locations: Record<string, { displayName: string; geographyGroup: string }> = regions

/** The words of a string. */
export const words = (text: string): string[] => text.trim().split(/\s+/)

/**
 * The API versions that Azure knows, oldest first: of ARM itself (subscriptions, groups, deployments, providers), of the
 * builds of a registry, and of each type; child resources have those of their parent. Source: the folders of
 * Azure/bicep-types-az, generated/, which are made from Microsoft's API documents (read on 2026-11-26); those of
 * PostgreSQL are Azure's own answer in Azure/bicep-types-az#2333, without the private ones, and the versions since then.
 * Permissions and metrics are no resources: theirs are the folders of Azure/azure-rest-api-specs that describe them.
 */
const { arm: armVersions, builds: buildVersions, ...versions } = apiVersions
const versionsOfTypes: Record<string, readonly string[]> = versions

/** The API versions of a type such as `Microsoft.Cache/redisEnterprise/databases`; undefined if it is not known. */
export function getVersions(type: string): readonly string[] | undefined {
  const [namespace, first, below] = type.toLowerCase().split('/')
  if (/^(runs|schedulerun|listbuildsourceuploadurl)$/.test(below ?? '')) return buildVersions
  return versionsOfTypes[`${namespace}/${first}`]
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

/** Set by the fault `type-not-offered`. */
export function lacksType(world: World, type: string, location: string): boolean {
  const fault = world.faults.get('type-not-offered')
  const [namespace, first] = type.toLowerCase().split('/')
  return fault?.location === location && fault.type.toLowerCase() === `${namespace}/${first}`
}

/** Throws for a new resource. ARM has the same message for an unknown API version; only the list of versions differs. */
export function requireOffered(world: World, type: string, apiVersion: string, location: string): void {
  if (lacksType(world, type, location)) throw noRegisteredProvider(type, apiVersion, location)
}

/**
 * The same for what a provider answers outside its resources, such as `checkNameAvailability` and `locations/…`: it has
 * the versions of its resources. What is listed by itself, such as permissions, has its own. Wording:
 * Azure/azure-sdk-for-python#1704.
 */
export function requireProviderVersion(namespace: string, what: string, apiVersion: string): void {
  const own = Object.entries(versionsOfTypes).filter(([type]) =>
    type.startsWith(`${namespace.toLowerCase()}/`),
  )
  const known =
    versionsOfTypes[`${namespace}/${what}`.toLowerCase()] ?? own.flatMap(([, versions]) => versions)
  if (known.includes(apiVersion)) return
  if (known.length === 0) throw refuse('unknownNamespace', { namespace })
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

/** Throws ARM's LocationNotAvailableForResourceType. Wording: Azure/Azure-Landing-Zones#2199. */
export function requireTypeLocation(type: string, location: string): void {
  if (location in locations) return
  throw refuse('typeLocation', { location, type, locations: Object.keys(locations).join(',') })
}

/** The same for a resource group. Wording: cloud-barista/cb-spider#527. */
export function requireGroupLocation(location: string): void {
  if (location in locations) return
  throw refuse('groupLocation', { location, locations: Object.keys(locations).join(',') })
}
