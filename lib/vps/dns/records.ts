import { isIPv4, isIPv6 } from 'node:net'
import {
  type Config,
  formatKeyFile,
  formatScriptLine,
  getSiteNames,
  type Server,
} from '../../config/config.ts'
import { type Addresses, resolveAddresses } from '../../config/network.ts'
import { eachServer, type Field, type VpsContext } from '../../tasks/task.ts'
import { OpsError, unknownError, usageError } from '../../util/errors.ts'

export interface Records extends Addresses {
  name: string
}

/** Resolves the names of the site. Throws (exit 3) when the name server does not answer. */
export const readRecords = (config: Config): Promise<Records[]> =>
  Promise.all(
    getSiteNames(config).map(async (name) => {
      const found = await resolveAddresses(config, name).catch((error: NodeJS.ErrnoException) => {
        const server = config.network.dnsServer || "this machine's name server"
        throw unknownError(
          `${server} does not resolve ${name}`,
          `${error.code}: ${error.message}`,
          `Check the network of this machine, and DNS_SERVER in ${formatKeyFile('DNS_SERVER')}. The records themselves may be right.`,
        )
      })
      return { name, ...found }
    }),
  )

/** The address of each server for the A records, from IONOS_PUBLIC_IP or IONOS_HOST; sorted, as `readRecords` sorts. */
export function getPublicIpv4({ servers }: Config): string[] {
  const wrong = servers.find(({ publicIp }) => !isIPv4(publicIp))
  if (!wrong) return servers.map(({ publicIp }) => publicIp).sort()
  throw usageError(
    `${wrong.publicIp} is not an IPv4 address, which the A records need`,
    `Set ${wrong.keys.publicIp} in ${formatKeyFile(wrong.keys.publicIp)} to the public IPv4 address of the VPS.`,
  )
}

/** The addresses for the AAAA records, from IONOS_PUBLIC_IPV6; empty = none are to be set. */
export function getPublicIpv6({ servers }: Config): string[] {
  const wanted = servers.filter(({ publicIpv6 }) => publicIpv6 !== '')
  const wrong = wanted.find(({ publicIpv6 }) => !isIPv6(publicIpv6))
  if (!wrong) return wanted.map(({ publicIpv6 }) => publicIpv6)
  throw usageError(
    `${wrong.publicIpv6} is not an IPv6 address, which the AAAA records need`,
    `Set ${wrong.keys.publicIpv6} in ${formatKeyFile(wrong.keys.publicIpv6)} to the public IPv6 address of the VPS, or leave it empty.`,
  )
}

export interface RecordFault {
  name: string
  message: string
  /** For a plan. */
  field: Field
  /** Only an AAAA record is missing, so visitors use IPv4. */
  mild?: true
  /** The only doubt is whether the address belongs to the VPS. */
  unsure?: true
}

/** A server's own IPv6 addresses, 32 hexadecimal digits each; undefined when they are unknown. */
type OwnIpv6 = readonly string[] | undefined
export type AskIpv6 = (each: VpsContext) => Promise<OwnIpv6>

/**
 * Lists what is wrong with the records. An AAAA record with an address of another machine is stale: it sends some visitors,
 * and the CA, elsewhere.
 * @param address of the A records; of several servers: all, separated by `, `
 * @param wantedIpv6 the addresses of the AAAA records; empty = there need not be any
 * @param spared own addresses of servers without IONOS_PUBLIC_IPV6, whose records stay
 */
export const findFaults = (
  records: readonly Records[],
  address: string,
  own: OwnIpv6,
  wantedIpv6: readonly string[] = [],
  spared: readonly string[] = [],
): RecordFault[] =>
  records.flatMap(({ name, ipv4, ipv6 }): RecordFault[] => {
    const before = ipv4.join(', ')
    const isOwn = (each: string) =>
      own ? own.includes(expandIpv6(each)) : wantedIpv6.some((wanted) => isSameIpv6(each, wanted))
    const stale = ipv6.filter((each) => !isOwn(each)).join(', ')
    const kept = ipv6.filter(isOwn)
    const missing = wantedIpv6.filter((wanted) => !kept.some((each) => isSameIpv6(each, wanted))).join(', ')
    const after = [...wantedIpv6, ...kept.filter((each) => spared.includes(expandIpv6(each)))]
    const wrong = {
      message: `${name} has ${before ? `A ${before}` : 'no A record'}, wanted: A ${address}`,
      field: { name: `A ${name}`, before: before || undefined, after: address },
    }
    const extra = {
      message: own
        ? `${name} has AAAA ${stale}, which does not belong to the VPS: delete it`
        : `${name} has AAAA ${stale}, and this machine does not know whether that is the VPS`,
      field: { name: `AAAA ${name}`, before: stale, after: 'none' },
      ...(own ? {} : { unsure: true as const }),
    }
    const absent = {
      message: `${name} has no AAAA ${missing}, the configured address`,
      field: { name: `AAAA ${name}`, before: kept.join(', ') || undefined, after: after.join(', ') },
      mild: true as const,
    }
    return [
      ...(before === address ? [] : [wrong]),
      ...(stale ? [extra] : []),
      ...(missing ? [absent] : []),
    ].map((fault) => ({ name, ...fault }))
  })

/**
 * Reads the records of the site and lists what is wrong with them: the one verdict of tasks and checks.
 * @param askIpv6 gives a server's own IPv6 addresses; called only if an AAAA record exists or is wanted
 */
export async function inspectRecords(context: VpsContext, askIpv6: AskIpv6): Promise<RecordFault[]> {
  const { config } = context
  const records = await readRecords(config)
  const wanted = getPublicIpv6(config)
  const isAsked = wanted.length > 0 || records.some(({ ipv6 }) => ipv6.length > 0)
  const servers = isAsked ? eachServer(context) : []
  const known = await Promise.all(servers.map(askIpv6))
  for (const [index, { server }] of servers.entries()) assertHasIpv6(server, known[index])
  const own = known.every((addresses) => addresses !== undefined) ? known.flat() : undefined
  return findFaults(records, getPublicIpv4(config).join(', '), own, wanted, getSparedIpv6(config, known))
}

/** The own addresses of servers for which no AAAA record is configured: a record of one that exists is kept. */
export const getSparedIpv6 = ({ servers }: Config, own: readonly OwnIpv6[]): string[] =>
  own.flatMap((addresses = [], index) => (servers[index]?.publicIpv6 === '' ? addresses : []))

function assertHasIpv6({ publicIpv6: wanted, keys }: Server, own: OwnIpv6): void {
  if (!wanted || !own || own.includes(expandIpv6(wanted))) return
  const has = own.filter(isPublicIpv6).map(formatIpv6).join(', ')
  throw usageError(
    `The VPS does not have the address ${wanted} of ${keys.publicIpv6}`,
    `${has ? `It has ${has}.` : 'It has no public IPv6 address.'} Correct ${keys.publicIpv6} in ${formatKeyFile(keys.publicIpv6)}, or leave it empty: ${formatScriptLine('point-dns')} then deletes AAAA records that are not the VPS's.`,
  )
}

/** Formats an IPv6 address as the kernel does: 32 hexadecimal digits. */
export function expandIpv6(address: string): string {
  const [head = '', tail] = address.toLowerCase().split('::')
  const groups = (text: string) => text.split(':').filter(Boolean)
  const left = groups(head)
  const right = tail === undefined ? [] : groups(tail)
  const middle = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...middle, ...right].map((group) => group.padStart(4, '0')).join('')
}

export const isSameIpv6 = (one: string, other: string): boolean => expandIpv6(one) === expandIpv6(other)

/** Whether 32 hexadecimal digits are an address of the internet: one of 2000::/3 (RFC 4291, 2.4). */
const isPublicIpv6 = (digits: string): boolean => /^[23]/.test(digits)

/** Formats the kernel's 32 hexadecimal digits as people write them (RFC 5952). */
const formatIpv6 = (digits: string): string =>
  new URL(`http://[${digits.match(/.{4}/g)?.join(':')}]`).hostname.slice(1, -1)

/** What to say when the VPS has an IPv6 address that no AAAA record leads to; '' when there is nothing to offer. */
export function formatIpv6Offer({ publicIpv6, keys }: Server, own: OwnIpv6): string {
  const [address] = own?.filter(isPublicIpv6) ?? []
  if (!address || publicIpv6) return ''
  return `; the VPS also has ${formatIpv6(address)}, which ${keys.publicIpv6} in ${formatKeyFile(keys.publicIpv6)} would publish as AAAA records`
}

/** Throws when the names do not point to the VPS. */
export async function assertDnsPointsHere(context: VpsContext, askIpv6: AskIpv6): Promise<void> {
  // A missing AAAA record keeps nobody away, the CA included.
  const faults = (await inspectRecords(context, askIpv6)).filter(({ mild }) => !mild)
  if (faults.length === 0) return
  throw new OpsError({
    what: 'DNS does not point at the VPS, so no certificate was requested',
    said: faults.map(({ message }) => message).join('\n'),
    next: formatManualSteps(context.config),
  })
}

export const formatManualSteps = (config: Config): string =>
  [
    'Set these records at IONOS (Domains & SSL → DNS), wait until they are visible, and run this command again:',
    ...getSiteNames(config).flatMap((name) => [
      ...getPublicIpv4(config).map((address) => `  ${name}. A ${address}`),
      ...getPublicIpv6(config).map((address) => `  ${name}. AAAA ${address}`),
    ]),
    `  and delete AAAA records that do not belong to the VPS. Or set IONOS_DNS_KEY in ${formatKeyFile('IONOS_DNS_KEY')}: ${formatScriptLine('point-dns')} then does both.`,
  ].join('\n')
