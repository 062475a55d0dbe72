import { words } from './catalogue.ts'
import { refuse } from './errors.ts'
import { isOfferRestricted } from './faults.ts'
import type { Bag } from './json.ts'
import { isTaken } from './names.ts'
import { requireIdle } from './serverBusy.ts'
import known from './sizes.json' with { type: 'json' }
import type { Request } from './types.ts'
import type { World } from './world.ts'

/** The sizes of each tier: azure-rest-api-specs, postgresql 2025-08-01, CapabilitiesByLocationList.json. */
export const sizesOfTiers: Record<string, { name: string; vCores: number }[]> = known.postgres

/**
 * The PostgreSQL versions of an API version: the enum of azure-rest-api-specs (ServerVersion in FlexibleServers.json of
 * 2022-12-01 and Capabilities.json of 2024-08-01; PostgresMajorVersion in Servers.json of 2025-08-01).
 */
export function getVersions(apiVersion = '2025-08-01'): string[] {
  const all = ['11', '12', '13', '14', '15', '16', '17', '18']
  const newest = [
    ['2025-08-01', 18],
    ['2024-08-01', 16],
    ['2023-03-01', 15],
  ] as const
  const [, last] = newest.find(([since]) => apiVersion >= since) ?? ['', 14]
  return all.filter((version) => Number(version) <= last)
}
const sizes = [32, 64, 128, 256, 512, 1024, 2048, 4095, 4096, 8192, 16384, 32767]
const reserved = words('azure_superuser azuresu azure_pg_admin admin administrator root guest public')

const invalid = (parameter: string, why: string) => refuse('invalidParameter', { parameter, why })

function checkPassword(login: string, password: unknown): void {
  if (typeof password !== 'string' || password === '') throw refuse('passwordMissing')
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter((kind) => kind.test(password)).length
  if (
    password.length < 8 ||
    password.length > 128 ||
    kinds < 3 ||
    password.toLowerCase().includes(login.toLowerCase())
  )
    throw refuse('passwordTooWeak')
}

function checkLogin(login: unknown): void {
  if (typeof login !== 'string' || login === '') throw refuse('loginMissing')
  if (!/^[A-Za-z_]\w{0,62}$/.test(login) || reserved.includes(login.toLowerCase()) || /^pg_/i.test(login))
    throw invalid('administratorLogin', `'${login}' is reserved or has characters that are not allowed.`)
}

function checkSku(sku: Bag | undefined): void {
  if (!sku?.name || !sku.tier) throw refuse('skuMissing')
  const known = sizesOfTiers[sku.tier]
  if (!known) throw invalid('sku.tier', `'${sku.tier}' is none of: ${Object.keys(sizesOfTiers).join(', ')}.`)
  if (!known.some(({ name }) => name === sku.name))
    throw refuse('skuOfOtherTier', { name: sku.name, tier: sku.tier })
}

const type = 'Microsoft.DBforPostgreSQL/flexibleServers'

const countCores = ({ sku }: Bag): number =>
  Object.values(sizesOfTiers)
    .flat()
    .find(({ name }) => name === sku?.name)?.vCores ?? 0

/** The vCores of a region: the limit of each quota, and how many all servers except `without` use. */
export function getVcores(world: World, location: string, without = ''): { limit: number; used: number } {
  const few = world.faults.get('few-vcores')
  const servers = [...world.resources.values()].filter(
    (each) => each.type === type && each.wanted.location === location && each.id !== without,
  )
  return {
    limit: few ? Number(few.cores ?? 1) : 100,
    used: servers.reduce((sum, { wanted }) => sum + countCores(wanted), 0),
  }
}

function checkQuota({ world, wanted, existing }: Request): void {
  const { limit, used } = getVcores(world, wanted.location, existing?.id)
  const [asked, sku] = [countCores(wanted), String(wanted.sku.name)]
  if (used + asked <= limit) return
  const [, family, kind = '', version] = /^Standard_([DE])\d+([a-z]*)_(v\d)$/.exec(sku) ?? []
  const quota = family ? `standard${family}${kind.toUpperCase()}${version}Family` : 'standardBSFamily'
  throw refuse('serverQuota', { quota, limit, used, asked, wanted: used + asked })
}

function checkUpdate(before: Bag, now: Bag, mode: string): void {
  if (before.administratorLogin !== now.administratorLogin) throw refuse('loginFixed')
  // Stricter than Azure may be: a PATCH without it has been seen to work (hashicorp/terraform-provider-azurerm#28559).
  if (Number(now.version) > Number(before.version) && mode !== 'Update')
    throw invalid('createMode', `A newer major version of an existing server needs 'Update', not '${mode}'.`)
  if (Number(now.version) < Number(before.version))
    throw refuse('versionDowngrade', { before: before.version, now: now.version })
  if (now.storage.storageSizeGB < before.storage.storageSizeGB)
    throw refuse('storageDecrease', { before: before.storage.storageSizeGB, now: now.storage.storageSizeGB })
}

/** Server names are host names below one domain, so a taken name is taken for everybody. */
function checkName({ world, address }: Request): void {
  if (!/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(address.name))
    throw refuse('serverName', { name: address.name })
  if (isTaken(world, address) || world.faults.get('server-name-taken')?.server === address.name)
    throw refuse('serverNameTaken')
}

/**
 * What Azure Database for PostgreSQL flexible server refuses. Properties that an update omits stay unchanged.
 */
export function checkServer(request: Request): void {
  const { world, wanted, existing } = request
  checkName(request)
  if (existing) requireIdle(world, existing)
  if (!existing && isOfferRestricted(world, wanted.location))
    throw refuse('offerRestricted', { location: wanted.location })
  const before: Bag | undefined = existing?.wanted
  const now: Bag = { ...before?.properties, ...wanted.properties }
  wanted.sku ??= before?.sku
  delete now.createMode
  const mode = wanted.properties.createMode ?? 'Default'
  if (!['Default', 'Create', 'Update'].includes(mode)) throw refuse('createMode', { mode })
  // Azure then expects the server to exist: hmcts.github.io/ops-runbooks, "Create modes in postgres flexible server".
  if (mode === 'Update' && !existing) throw refuse('resourceNotFound', { ...request.address })
  checkLogin(now.administratorLogin)
  checkPassword(now.administratorLogin, now.administratorLoginPassword)
  checkSku(wanted.sku)
  if (wanted.sku.name !== before?.sku.name) checkQuota(request)
  now.version = String(now.version ?? '')
  const versions = getVersions(request.apiVersion)
  if (!versions.includes(now.version)) throw refuse('versionOutOfRange', { versions: versions.join(',') })
  now.storage = { storageSizeGB: 32, ...before?.properties.storage, ...now.storage }
  if (!sizes.includes(now.storage.storageSizeGB))
    throw invalid('storageSizeGB', `${now.storage.storageSizeGB} is none of: ${sizes.join(', ')}.`)
  now.backup = { backupRetentionDays: 7, ...before?.properties.backup, ...now.backup }
  if (!(now.backup.backupRetentionDays >= 7 && now.backup.backupRetentionDays <= 35))
    throw invalid('backupRetentionDays', `${now.backup.backupRetentionDays} is not between 7 and 35.`)
  const zoneRedundant = (now.highAvailability?.mode ?? 'Disabled') !== 'Disabled'
  if (zoneRedundant && wanted.sku.tier === 'Burstable') throw refuse('burstableHighAvailability')
  if (existing) checkUpdate(before!.properties, now, mode)
  wanted.properties = now
}
