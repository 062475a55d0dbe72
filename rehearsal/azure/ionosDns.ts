import { randomUUID } from 'node:crypto'
import { isIPv6 } from 'node:net'
import type { Dns } from '../dns.ts'
import type { Call, Reply } from './http.ts'
import type { Bag } from './json.ts'

export interface IonosRecord {
  id: string
  name: string
  rootName: string
  type: string
  content: string
  changeDate: string
  ttl: number
  prio: number
  disabled: boolean
}

export interface IonosDnsOptions {
  /** `<prefix>.<secret>`, as the header X-API-Key carries it. */
  apiKey: string
  /** The initial records of each zone. */
  zones: Record<string, { name: string; type: string; content: string; ttl?: number; prio?: number }[]>
}

interface Zone {
  id: string
  name: string
  records: IonosRecord[]
}

const types = ['A', 'AAAA', 'CNAME', 'MX', 'NS', 'SOA', 'SRV', 'TXT', 'CAA', 'TLSA', 'DS', 'SSHFP']

const problem = (status: number, code: string, message: string): Reply => ({
  status,
  body: [{ code, message }],
})

class InvalidRecord extends Error {}

function newRecord(zone: Zone, given: Bag): IonosRecord {
  const name = String(given.name ?? '').toLowerCase()
  if (name !== zone.name && !name.endsWith(`.${zone.name}`))
    throw new InvalidRecord(`Record name '${name}' is not part of the zone ${zone.name}.`)
  if (!types.includes(given.type)) throw new InvalidRecord(`Record type '${given.type}' is invalid.`)
  const content = String(given.content ?? '')
  if (given.type === 'A' && !/^\d{1,3}(\.\d{1,3}){3}$/.test(content))
    throw new InvalidRecord(`Record content '${content}' is not an IPv4 address.`)
  if (given.type === 'AAAA' && !isIPv6(content))
    throw new InvalidRecord(`Record content '${content}' is not an IPv6 address.`)
  if (content === '') throw new InvalidRecord('Record content is missing.')
  const ttl = given.ttl ?? 3600
  if (!Number.isInteger(ttl) || ttl < 60)
    throw new InvalidRecord(`Record ttl '${ttl}' is invalid: at least 60 seconds.`)
  return {
    id: randomUUID(),
    name,
    rootName: zone.name,
    type: given.type,
    content,
    changeDate: new Date().toISOString(),
    ttl,
    prio: given.prio ?? 0,
    disabled: given.disabled ?? false,
  }
}

/** Nothing stands beside a CNAME (RFC 1034, 3.6.2). */
function assertAlone(records: readonly IonosRecord[]): void {
  const active = records.filter(({ disabled }) => !disabled)
  const cname = active.find(
    (each) => each.type === 'CNAME' && active.some((other) => other !== each && other.name === each.name),
  )
  if (cname) throw new InvalidRecord(`Record '${cname.name}' of type CNAME does not allow other records.`)
}

/** Copies the addresses of these names, and of the zone's CNAME records, into the DNS of the rehearsal. */
async function publish(dns: Dns, names: Iterable<string>, zone: Zone): Promise<void> {
  const active = zone.records.filter(({ disabled }) => !disabled)
  const cnames = new Map(
    active
      .filter(({ type }) => type === 'CNAME')
      .map(({ name, content }) => [name, content.replace(/\.$/, '')]),
  )
  for (const name of new Set([...names, ...cnames.keys()])) {
    const target = cnames.get(name) ?? name
    const addresses = (type: string): string[] =>
      active.filter((each) => each.name === target && each.type === type).map(({ content }) => content)
    await dns.set(name, addresses('A'))
    await dns.setIpv6(name, addresses('AAAA'))
  }
}

function givenRecords(call: Call): Bag[] {
  const value: unknown = JSON.parse(call.body.toString('utf8') || 'null')
  if (Array.isArray(value)) return value as Bag[]
  throw new InvalidRecord('The request body must be a list of records.')
}

const show = (zone: Zone, records: IonosRecord[]): Bag => ({
  id: zone.id,
  name: zone.name,
  type: 'NATIVE',
  records,
})

/**
 * api.hosting.ionos.com: the DNS API of IONOS Hosting. PATCH replaces the records of the same name and type, PUT all.
 * Source: https://developer.hosting.ionos.com/docs/dns
 */
export async function createIonosDns(
  dns: Dns,
  options: IonosDnsOptions,
): Promise<(call: Call) => Promise<Reply>> {
  const zones = Object.entries(options.zones).map(([name, records]) => {
    const zone: Zone = { id: randomUUID(), name, records: [] }
    zone.records = records.map((each) => newRecord(zone, each))
    return zone
  })
  for (const zone of zones)
    await publish(
      dns,
      zone.records.map(({ name }) => name),
      zone,
    )

  async function change(zone: Zone, call: Call): Promise<Reply> {
    const before = zone.records
    const added = givenRecords(call).map((each) => newRecord(zone, each))
    const replaced = (old: IonosRecord): boolean =>
      call.method === 'PUT' || added.some((each) => each.name === old.name && each.type === old.type)
    const after = [...before.filter((each) => !replaced(each)), ...added]
    assertAlone(after)
    zone.records = after
    await publish(
      dns,
      [...before, ...added].map(({ name }) => name),
      zone,
    )
    return { status: 200 }
  }

  async function records(zone: Zone, call: Call, id: string | undefined): Promise<Reply> {
    if (!id && call.method === 'POST') {
      const added = givenRecords(call).map((each) => newRecord(zone, each))
      assertAlone([...zone.records, ...added])
      zone.records.push(...added)
      await publish(
        dns,
        added.map(({ name }) => name),
        zone,
      )
      return { status: 201, body: added }
    }
    const record = zone.records.find((each) => each.id === id)
    if (!record) return problem(404, 'RECORD_NOT_FOUND', 'Record does not exist.')
    if (call.method === 'GET') return { status: 200, body: record }
    if (call.method === 'PUT') {
      const changes = JSON.parse(call.body.toString('utf8')) as Bag
      Object.assign(
        record,
        newRecord(zone, { ...record, ...changes, name: record.name, type: record.type }),
        { id },
      )
    } else if (call.method === 'DELETE') zone.records = zone.records.filter((each) => each !== record)
    else return problem(405, 'METHOD_NOT_ALLOWED', `${call.method} is not allowed here.`)
    await publish(dns, [record.name], zone)
    return { status: 200 }
  }

  return async (call) => {
    if (call.headers['x-api-key'] !== options.apiKey)
      return problem(401, 'UNAUTHORIZED', 'The customer is not authorized to do this operation.')
    const [, root, version, kind, id, below, recordId, ...more] = call.path.split('/')
    if (root !== 'dns' || version !== 'v1' || kind !== 'zones' || more.length > 0)
      return problem(404, 'NOT_FOUND', `The rehearsal's IONOS does not support ${call.method} ${call.path}.`)
    if (!id)
      return call.method === 'GET'
        ? { status: 200, body: zones.map((zone) => ({ name: zone.name, id: zone.id, type: 'NATIVE' })) }
        : problem(405, 'METHOD_NOT_ALLOWED', `${call.method} is not allowed here.`)
    const zone = zones.find((each) => each.id === id)
    if (!zone) return problem(404, 'ZONE_NOT_FOUND', 'Zone does not exist.')
    try {
      if (below === 'records') return await records(zone, call, recordId)
      if (call.method === 'PATCH' || call.method === 'PUT') return await change(zone, call)
    } catch (error) {
      if (error instanceof InvalidRecord || error instanceof SyntaxError)
        return problem(400, 'INVALID_RECORD', error.message)
      throw error
    }
    if (call.method !== 'GET')
      return problem(405, 'METHOD_NOT_ALLOWED', `${call.method} is not allowed here.`)
    const name = call.query.get('recordName')?.toLowerCase()
    const suffix = call.query.get('suffix')?.toLowerCase()
    const wanted = call.query.get('recordType')?.split(',')
    const found = zone.records
      .filter((each) => !name || each.name === name)
      .filter((each) => !suffix || each.name.endsWith(suffix))
      .filter((each) => !wanted || wanted.includes(each.type))
    return { status: 200, body: show(zone, found) }
  }
}
