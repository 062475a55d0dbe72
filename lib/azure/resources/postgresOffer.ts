import { type Config, formatKeyFile } from '../../config/config.ts'
import type { Judged } from '../../util/verdict.ts'
import type { Asking } from './resource.ts'

/** The first stable version that knows PostgreSQL 17 and 18; sources in docs/azure.md. */
export const apiVersion = '2025-08-01'

const more = 'Or ask Microsoft for more: https://aka.ms/postgres-request-quota-increase'

/** What a region offers to this subscription. Source: FlexibleServerCapability in azure-rest-api-specs, 2025-08-01. */
export interface Capability {
  reason?: string | null
  restricted?: string | null
  supportedFeatures?: { name?: string; status?: string }[] | null
  supportedServerVersions?: { name: string; status?: string }[] | null
  supportedServerEditions?: { name: string; supportedServerSkus?: Size[] | null }[] | null
}

interface Size {
  name: string
  vCores?: number
  status?: string
}

/** One quota of a region; `cores`, and one for each family of sizes. */
export interface Usage {
  name: { value: string }
  currentValue: number
  limit: number
}

/** Judges whether the region takes a server of this version and size. Throws when Azure cannot be read. */
export async function judgeOffer({ config, arm, subscription }: Asking, region: string): Promise<Judged[]> {
  const path = `/subscriptions/${subscription}/providers/Microsoft.DBforPostgreSQL/locations/${region}`
  const read = async <Value>(below: string) =>
    (await arm.get<{ value?: Value[] }>(`${path}/${below}`, { 'api-version': apiVersion }))?.value ?? []
  const capabilities = await read<Capability>('capabilities')
  const offer = judgeCapabilities(config, capabilities, region)
  if (offer.verdict !== 'OK') return [offer]
  const cores = getSizes(capabilities).find(({ name }) => isSame(name, config.postgres.sku))?.vCores ?? 1
  const usages = await read<Usage>('resourceType/flexibleServers/usages')
  return [offer, judgeQuota(config, usages, cores, region)]
}

/** Azure reports in three ways that a region is closed to a subscription; sources in docs/azure.md. */
const isClosed = ({ restricted, supportedFeatures, supportedServerVersions, reason }: Capability): boolean =>
  restricted === 'Enabled' ||
  supportedFeatures?.some(({ name, status }) => name === 'OfferRestricted' && status === 'Enabled') ===
    true ||
  supportedServerVersions?.length === 0 ||
  /restricted/i.test(reason ?? '')

export function judgeCapabilities(
  { postgres: { version, sku } }: Config,
  capabilities: readonly Capability[],
  region: string,
): Judged {
  if (capabilities.some(isClosed))
    return {
      verdict: 'CRITICAL',
      detail: `This subscription may not create PostgreSQL servers in ${region}`,
      next: more.replace('for more', 'to enable this one'),
    }
  const versions = capabilities
    .flatMap(({ supportedServerVersions }) => supportedServerVersions ?? [])
    .filter(isOffered)
    .map(({ name }) => name)
  const sizes = getSizes(capabilities).map(({ name }) => name)
  if (versions.length === 0 || sizes.length === 0)
    return {
      verdict: 'UNKNOWN',
      detail: `Azure does not report which versions of PostgreSQL it offers in ${region}`,
    }
  if (!versions.includes(version))
    return {
      verdict: 'CRITICAL',
      detail: `Azure offers only PostgreSQL ${versions.join(', ')} in ${region}`,
      next: `Or set POSTGRES_VERSION in ${formatKeyFile('POSTGRES_VERSION')} to one of these.`,
    }
  if (!sizes.some((name) => isSame(name, sku)))
    return {
      verdict: 'CRITICAL',
      detail: `Azure does not offer the size ${sku} for PostgreSQL in ${region}`,
      next: `Or set POSTGRES_SKU in ${formatKeyFile('POSTGRES_SKU')} to one that it offers, such as ${sizes.slice(0, 5).join(', ')}.`,
    }
  return { verdict: 'OK', detail: `PostgreSQL ${version} in ${region}` }
}

export function judgeQuota(
  { postgres: { sku } }: Config,
  usages: readonly Usage[],
  cores: number,
  region: string,
): Judged {
  const ours = usages.filter(({ name }) => ['cores', getFamily(sku)].some((each) => isSame(each, name.value)))
  if (ours.length === 0)
    return { verdict: 'UNKNOWN', detail: `Azure reports no quota for PostgreSQL in ${region}` }
  const short = ours.find(({ currentValue, limit }) => limit - currentValue < cores)
  if (!short) return { verdict: 'OK', detail: `quota for PostgreSQL in ${region}` }
  const { name, currentValue, limit } = short
  return {
    verdict: 'CRITICAL',
    detail: `The quota ${name.value} of PostgreSQL in ${region} leaves ${limit - currentValue} of ${limit} vCores; ${sku} needs ${cores}`,
    next: `Or set a smaller POSTGRES_SKU in ${formatKeyFile('POSTGRES_SKU')}. ${more}`,
  }
}

const getSizes = (capabilities: readonly Capability[]): Size[] =>
  capabilities
    .flatMap(({ supportedServerEditions }) => supportedServerEditions ?? [])
    .flatMap(({ supportedServerSkus }) => supportedServerSkus ?? [])
    .filter(isOffered)

const isOffered = ({ status }: { status?: string }): boolean => status !== 'Disabled'

const isSame = (left: string, right: string): boolean => left.toLowerCase() === right.toLowerCase()

/** `Standard_D2ds_v5` counts against standardDDSv5Family, a Burstable size against standardBSFamily. */
function getFamily(sku: string): string {
  const [, family, kind = '', version] = /^Standard_([DE])\d+([a-z]*)_(v\d)$/.exec(sku) ?? []
  return family ? `standard${family}${kind.toUpperCase()}${version}Family` : 'standardBSFamily'
}
