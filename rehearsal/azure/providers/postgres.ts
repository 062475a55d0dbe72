import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { isAddress, isRange } from '../addresses.ts'
import { refuse } from '../errors.ts'
import { listed, ok } from '../http.ts'
import type { Bag } from '../json.ts'
import { postgresOffers } from '../offers.ts'
import { locationHeaders, startOperation } from '../operations.ts'
import { checkServer } from '../postgresRules.ts'
import {
  type PostgresServer,
  quoteName,
  quoteText,
  type Setting,
  secureTransport,
  startPostgres,
} from '../postgresServer.ts'
import { getLastName, getParent, listChildren } from '../resources.ts'
import { checkServerFree, requireIdle, startSettling } from '../serverBusy.ts'
import { showPostgres } from '../showPostgres.ts'
import type { Action, ResourceType } from '../types.ts'
import type { Resource, World } from '../world.ts'

const server = (resource: Resource): PostgresServer => {
  const found: PostgresServer | undefined = resource.runtime.server
  if (found) return found
  throw refuse('postgresNotReady', { name: resource.name, state: resource.state })
}

const secure = secureTransport().name

/** Writes the current rules to pg_hba.conf. */
async function refreshFirewall(world: World, resource: Resource): Promise<void> {
  if (!resource.runtime.server) return
  const rules = listChildren(world, resource, firewallRules.type)
    .filter((rule) => rule.state !== 'Deleting')
    .map(({ wanted }) => ({ start: wanted.properties.startIpAddress, end: wanted.properties.endIpAddress }))
  await server(resource).allow(rules, server(resource).settings.get(secure)?.setting !== 'off')
}

/**
 * Azure takes a first full backup soon after creation. Here it is a real base backup, taken in the
 * background.
 */
async function backUp(world: World, resource: Resource, name: string, source: string): Promise<void> {
  const folder = join(world.folder, 'backups', resource.name)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const backup = { name, source, completed: undefined as string | undefined }
  await server(resource).backUp(join(folder, name))
  backup.completed = new Date().toISOString()
  resource.runtime.backups.push(backup)
}

/** Accepted at once and completed by an operation; until then, the server is busy. */
function changePower(shown: string, change: (server: PostgresServer) => Promise<void>): Action {
  return (world, resource, call) => {
    const running = server(resource)
    requireIdle(world, resource)
    resource.state = 'Updating'
    resource.runtime.shown = shown
    const operation = startOperation(world, async () => {
      try {
        await change(running)
      } finally {
        delete resource.runtime.shown
        resource.state = 'Succeeded'
      }
    })
    const version = call.query.get('api-version') ?? ''
    return { status: 202, headers: locationHeaders(world, operation, version) }
  }
}

const flexibleServers: ResourceType = {
  type: 'Microsoft.DBforPostgreSQL/flexibleServers',
  models: {
    module: 'postgresqlflexibleservers',
    resource: 'Server',
    patch: 'ServerForUpdate',
    list: 'ServerListResult',
    paths: {
      'POST (?:start|stop)': {},
      'GET backups/*': { answer: 'ServerBackup' },
      'GET backups': { answer: 'ServerBackupListResult' },
      'POST /(?:locations/*/)?checknameavailability': {
        request: 'CheckNameAvailabilityRequest',
        answer: 'NameAvailability',
      },
      'GET /locations/*/capabilities': { answer: 'CapabilitiesListResult' },
      'GET /locations/*/resourcetype/flexibleservers/usages': { answer: 'QuotaUsagesListResult' },
      'POST restart': { request: 'RestartParameter' },
    },
  },
  offers: postgresOffers,
  nameTaken: (name) => ({ name, message: 'Specified server name is already used.' }),
  usualSeconds: 270,
  needsLocation: true,
  createdStatus: 202,
  check: checkServer,
  async apply(world, resource, before) {
    const { administratorLogin: login, administratorLoginPassword: password } = resource.wanted.properties
    if (resource.runtime.server) {
      if (before?.properties.administratorLoginPassword !== password)
        await server(resource).sql(`ALTER ROLE ${quoteName(login)} PASSWORD ${quoteText(password)}`)
      return
    }
    resource.runtime.backups = []
    resource.runtime.server = await startPostgres(world, resource.name, { login, password })
    resource.runtime.listener = () => refreshFirewall(world, resource)
    world.addressListeners.add(resource.runtime.listener)
    await refreshFirewall(world, resource)
    backUp(world, resource, `backup_${Date.now()}`, 'Automatic').catch((error) => {
      resource.runtime.backupError = String(error)
    })
  },
  transitioning: (_name, state) => (state === 'Deleting' ? refuse('serverDropping') : undefined),
  ended: startSettling,
  show: showPostgres,
  async remove(world, resource) {
    world.addressListeners.delete(resource.runtime.listener)
    await resource.runtime.server?.remove()
  },
  actions: {
    stop: changePower('Stopping', (each) => each.stop()),
    start: changePower('Starting', (each) => each.start()),
    restart: changePower('Restarting', async (each) => {
      await each.stop()
      await each.start()
    }),
  },
  async read(_world, resource, rest, call) {
    const [kind, name] = [rest[0]?.toLowerCase(), rest[1]]
    if (call.method !== 'GET' || rest.length > 2) return undefined
    if (kind === 'backups') {
      const value = (resource.runtime.backups as Bag[]).map((each) => ({
        id: `${resource.id}/backups/${each.name}`,
        name: each.name,
        type: `${resource.type}/backups`,
        properties: { backupType: 'Full', completedTime: each.completed, source: each.source },
      }))
      if (!name) return listed(value)
      const one = value.find((each) => each.name === name)
      if (one) return ok(one)
    }
    if (kind === 'configurations' && !name) {
      const value = [...server(resource).settings.values()].map((each) => showSetting(resource, each))
      return listed(value)
    }
    return undefined
  },
}

/** The same for all children of a server. */
const child = { usualSeconds: 7.5, needsLocation: false, createdStatus: 202 } as const
const showWanted = (_world: World, { wanted }: Resource): Bag => ({ properties: wanted.properties })

const firewallRules: ResourceType = {
  ...child,
  type: 'Microsoft.DBforPostgreSQL/flexibleServers/firewallRules',
  models: { module: 'postgresqlflexibleservers', resource: 'FirewallRule', list: 'FirewallRuleListResult' },
  check(request) {
    const { world, address, wanted } = request
    checkServerFree(world, request)
    const name = getLastName(address)
    const { startIpAddress: start, endIpAddress: end } = wanted.properties
    if (!/^[-\w.]{1,80}$/.test(name)) throw refuse('firewallRuleName', { name })
    if (!isAddress(start) || !isAddress(end) || !isRange(start, end))
      throw refuse('firewallRange', { start, end })
  },
  apply: (world, rule) => refreshFirewall(world, getParent(world, rule)!),
  show: showWanted,
  remove: (world, rule) => refreshFirewall(world, getParent(world, rule)!),
}

const databases: ResourceType = {
  ...child,
  type: 'Microsoft.DBforPostgreSQL/flexibleServers/databases',
  models: { module: 'postgresqlflexibleservers', resource: 'Database', list: 'DatabaseListResult' },
  check(request) {
    const { world, address, wanted, existing } = request
    checkServerFree(world, request)
    const name = getLastName(address)
    if (!/^[A-Za-z_][-\w]{0,62}$/.test(name)) throw refuse('databaseName', { name })
    const { charset = 'UTF8', collation = 'en_US.utf8' } = wanted.properties
    wanted.properties = { ...wanted.properties, charset, collation }
    if (String(charset).toUpperCase() !== 'UTF8') throw refuse('charset', { charset })
    const before = existing?.wanted.properties
    if (before && (before.charset !== charset || before.collation !== collation))
      throw refuse('charsetFixed', { name })
  },
  async apply(world, resource) {
    const parent = server(getParent(world, resource)!)
    const name = getLastName(resource)
    const there = await parent.sql(`SELECT 1 FROM pg_database WHERE datname = ${quoteText(name)}`)
    if (there) return
    const { collation } = resource.wanted.properties
    const known = await parent.sql(`SELECT 1 FROM pg_collation WHERE collname = ${quoteText(collation)}`)
    // Debian always has C.UTF-8, but other locales only where an administrator generated them.
    const locale = known ? ` LOCALE ${quoteText(collation)}` : ''
    await parent.sql(
      `CREATE DATABASE ${quoteName(name)} OWNER azure_pg_admin TEMPLATE template0 ENCODING 'UTF8'${locale}`,
    )
  },
  show: showWanted,
  async remove(world, resource) {
    const parent = getParent(world, resource)
    if (!parent?.runtime.server || parent.state === 'Deleting') return
    await server(parent).sql(`DROP DATABASE ${quoteName(getLastName(resource))} WITH (FORCE)`)
  },
}

const dataTypes: Record<string, string> = {
  ...{ bool: 'Boolean', integer: 'Integer', real: 'Numeric', enum: 'Enumeration' },
}

function showSetting(parent: Resource, row: Setting): Bag {
  const range = row.enumvals ?? (row.min_val ? `${row.min_val}-${row.max_val}` : '')
  return {
    id: `${parent.id}/configurations/${row.name}`,
    name: row.name,
    type: configurations.type,
    properties: {
      value: row.setting,
      defaultValue: row.boot_val ?? '',
      dataType: dataTypes[row.vartype] ?? 'String',
      allowedValues: row.vartype === 'bool' ? 'on,off' : range,
      description: row.short_desc,
      source: row.setting === row.boot_val ? 'system-default' : 'user-override',
      isDynamicConfig: row.context !== 'postmaster',
      isReadOnly: row.context === 'internal',
      isConfigPendingRestart: row.pending_restart,
    },
  }
}

/** The setting that a resource is, if it exists. */
function findSetting(world: World, resource: { id: string; name: string }) {
  const parent = getParent(world, resource)
  const row = parent && server(parent).settings.get(getLastName(resource))
  return row && { parent, row }
}

const configurations: ResourceType = {
  ...child,
  type: 'Microsoft.DBforPostgreSQL/flexibleServers/configurations',
  models: {
    module: 'postgresqlflexibleservers',
    resource: 'Configuration',
    patch: 'ConfigurationForUpdate',
    list: 'ConfigurationListResult',
  },
  check(request) {
    const { world, address, wanted } = request
    checkServerFree(world, request, true)
    const name = getLastName(address)
    const { row } = findSetting(world, address) ?? {}
    if (!row) throw refuse('settingNotFound', { name })
    if (row.context === 'internal') throw refuse('settingReadOnly', { name })
    if (typeof wanted.properties.value !== 'string') throw refuse('settingValue', { name })
  },
  async apply(world, resource) {
    const { parent, row } = findSetting(world, resource)!
    await server(parent).set(row.name, resource.wanted.properties.value)
    await refreshFirewall(world, parent)
  },
  show(world, resource) {
    const { parent, row } = findSetting(world, resource)!
    return { properties: showSetting(parent, row).properties }
  },
  // Every setting of a running server exists, whether or not somebody has set it.
  implicit(world, address) {
    const found = findSetting(world, address)
    if (!found) return undefined
    const { createdAt } = found.parent
    return { ...address, wanted: { properties: {} }, state: 'Succeeded', createdAt, runtime: {} }
  },
}

export const resourceTypes = [flexibleServers, databases, firewallRules, configurations]
