import { randomUUID } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'
import type { Dns as WholeDns } from '../dns.ts'
import { type Call, ok, type Reply } from './http.ts'
import type { Bag } from './json.ts'

interface IonosRecord {
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

type Dns = Pick<WholeDns, 'set' | 'setIpv6'>

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
  const { type, ttl = 3600, prio = 0, disabled = false } = given
  const name = String(given.name ?? '').toLowerCase()
  const content = String(given.content ?? '')
  const fail = (reason: string): never => {
    throw new InvalidRecord(`Record ${reason}`)
  }
  if (name !== zone.name && !name.endsWith(`.${zone.name}`))
    fail(`name '${name}' is not part of the zone ${zone.name}.`)
  if (!types.includes(type)) fail(`type '${type}' is invalid.`)
  if (content === '') fail('content is missing.')
  if (type === 'A' && !isIPv4(content)) fail(`content '${content}' is not an IPv4 address.`)
  if (type === 'AAAA' && !isIPv6(content)) fail(`content '${content}' is not an IPv6 address.`)
  if (!Number.isInteger(ttl) || ttl < 60) fail(`ttl '${ttl}' is invalid: at least 60 seconds.`)
  const [id, changeDate] = [randomUUID(), new Date().toISOString()]
  return { id, name, rootName: zone.name, type, content, changeDate, ttl, prio, disabled }
}

/** A name with a CNAME has no other record (RFC 1034, 3.6.2). */
function assertAlone(records: readonly IonosRecord[]): void {
  const active = records.filter(({ disabled }) => !disabled)
  const cname = active.find(
    (each) => each.type === 'CNAME' && active.some((other) => other !== each && other.name === each.name),
  )
  if (cname) throw new InvalidRecord(`Record '${cname.name}' of type CNAME does not allow other records.`)
}

/** Copies the addresses of these records' names, and of the zone's CNAME records, into the DNS of the rehearsal. */
async function publish(dns: Dns, changed: readonly IonosRecord[], zone: Zone): Promise<void> {
  const active = zone.records.filter(({ disabled }) => !disabled)
  const cnames = new Map(
    active
      .filter(({ type }) => type === 'CNAME')
      .map(({ name, content }) => [name, content.replace(/\.$/, '')]),
  )
  for (const name of new Set([...changed.map((each) => each.name), ...cnames.keys()])) {
    const target = cnames.get(name) ?? name
    const addresses = (type: string): string[] =>
      active.filter((each) => each.name === target && each.type === type).map(({ content }) => content)
    await dns.set(name, addresses('A'))
    await dns.setIpv6(name, addresses('AAAA'))
  }
}

function readRecords(zone: Zone, call: Call): IonosRecord[] {
  const value: unknown = JSON.parse(call.body.toString('utf8') || 'null')
  if (Array.isArray(value)) return value.map((each) => newRecord(zone, each))
  throw new InvalidRecord('The request body must be a list of records.')
}

/**
 * api.hosting.ionos.com: the DNS API of IONOS Hosting, as far as the scripts use it. PATCH of a zone replaces the
 * records of the same name and type, POST adds records, DELETE removes one.
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
  for (const zone of zones) await publish(dns, zone.records, zone)

  async function change(zone: Zone, after: IonosRecord[], changed: IonosRecord[]): Promise<void> {
    assertAlone(after)
    zone.records = after
    await publish(dns, changed, zone)
  }

  /** Answers for a zone, or for its records. */
  async function answer(zone: Zone, call: Call, below?: string, recordId?: string): Promise<Reply> {
    const { id, name, records } = zone
    const place = [call.method, ...(below ? [below] : []), ...(recordId ? ['ID'] : [])].join(' ')
    if (place === 'GET') return ok({ id, name, type: 'NATIVE', records })
    if (place === 'PATCH') {
      const added = readRecords(zone, call)
      const kept = records.filter(
        (old) => !added.some((each) => each.name === old.name && each.type === old.type),
      )
      await change(zone, [...kept, ...added], [...records, ...added])
      return { status: 200 }
    }
    if (place === 'POST records') {
      const added = readRecords(zone, call)
      await change(zone, [...records, ...added], added)
      return { status: 201, body: added }
    }
    if (place !== 'DELETE records ID')
      return problem(405, 'METHOD_NOT_ALLOWED', `${call.method} is not allowed here.`)
    const record = records.find((each) => each.id === recordId)
    if (!record) return problem(404, 'RECORD_NOT_FOUND', 'Record does not exist.')
    await change(
      zone,
      records.filter((each) => each !== record),
      [record],
    )
    return { status: 200 }
  }

  return async (call) => {
    if (call.headers['x-api-key'] !== options.apiKey)
      return problem(401, 'UNAUTHORIZED', 'The customer is not authorized to do this operation.')
    const [, root, version, kind, id, below, recordId, ...more] = call.path.split('/')
    if (root !== 'dns' || version !== 'v1' || kind !== 'zones' || more.length > 0)
      return problem(404, 'NOT_FOUND', `The rehearsal's IONOS does not support ${call.method} ${call.path}.`)
    if (!id && call.method === 'GET') return ok(zones.map(({ name, id }) => ({ name, id, type: 'NATIVE' })))
    const zone = zones.find((each) => each.id === id)
    if (!zone) return problem(404, 'ZONE_NOT_FOUND', 'Zone does not exist.')
    try {
      return await answer(zone, call, below, recordId)
    } catch (error) {
      if (error instanceof InvalidRecord || error instanceof SyntaxError)
        return problem(400, 'INVALID_RECORD', error.message)
      throw error
    }
  }
}
