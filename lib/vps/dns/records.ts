import { isIPv4 } from 'node:net'
import type { Config } from '../../config/config.ts'
import { type Addresses, resolveAddresses } from '../../config/network.ts'
import { formatKeyFile } from '../../config/pasteLine.ts'
import { OpsError, unknownError, usageError } from '../../util/errors.ts'

/** The names of the site, the main one first. */
export const getSiteNames = (config: Config): [string, string] => [config.domain, `www.${config.domain}`]

export interface Records extends Addresses {
  name: string
}

/** What the DNS says about the names of the site. Throws (exit 3) when the name server does not answer. */
export const readRecords = (config: Config): Promise<Records[]> =>
  Promise.all(
    getSiteNames(config).map(async (name) => {
      const found = await resolveAddresses(config, name).catch((error: NodeJS.ErrnoException) => {
        const server = config.network.dnsServer || "this machine's name server"
        throw unknownError(
          `${server} does not say where ${name} is`,
          `${error.code}: ${error.message}`,
          `Check the network of this machine, and DNS_SERVER in ${formatKeyFile('DNS_SERVER')}; this says nothing about the records themselves.`,
        )
      })
      return { name, ...found }
    }),
  )

/** The address that A records must hold: IPv4, from IONOS_PUBLIC_IP or IONOS_HOST. */
export function getPublicAddress(config: Config): string {
  const { publicIp } = config.ionos
  if (isIPv4(publicIp)) return publicIp
  throw usageError(
    `${publicIp} is not an IPv4 address, so there is nothing to point the DNS at`,
    `Set IONOS_PUBLIC_IP in ${formatKeyFile('IONOS_PUBLIC_IP')} to the public IPv4 address of the VPS.`,
  )
}

/**
 * What is wrong with the records, one line a fault; empty when all is right.
 * @param ipv6 addresses of the VPS itself, 32 hexadecimal digits each: an AAAA record of one of them is right, any other
 *   is a stale one that sends a part of the visitors, and the CA, elsewhere
 */
export function findFaults(records: readonly Records[], address: string, ipv6: readonly string[]): string[] {
  return records.flatMap((record) => {
    const { name, ipv4 } = record
    const stale = findStaleIpv6(record, ipv6)
    return [
      ...(ipv4.length === 1 && ipv4[0] === address
        ? []
        : [`${name} has ${ipv4.length > 0 ? `A ${ipv4.join(', ')}` : 'no A record'}, wanted: A ${address}`]),
      ...(stale.length > 0 ? [`${name} has AAAA ${stale.join(', ')}, which is not the VPS: delete it`] : []),
    ]
  })
}

export const findStaleIpv6 = (record: Records, own: readonly string[]): string[] =>
  record.ipv6.filter((address) => !own.includes(expandIpv6(address)))

/** An IPv6 address as the kernel lists it: 32 hexadecimal digits. */
export function expandIpv6(address: string): string {
  const [head = '', tail] = address.toLowerCase().split('::')
  const groups = (text: string) => text.split(':').filter(Boolean)
  const left = groups(head)
  const right = tail === undefined ? [] : groups(tail)
  const middle = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...middle, ...right].map((group) => group.padStart(4, '0')).join('')
}

/** Throws when the names do not lead to the VPS: the CA would fail, and its failures are counted. */
export async function assertDnsPointsHere(config: Config, ipv6: readonly string[]): Promise<void> {
  const faults = findFaults(await readRecords(config), getPublicAddress(config), ipv6)
  if (faults.length === 0) return
  throw new OpsError({
    what: 'The DNS does not point at the VPS, so the CA was not asked for a certificate',
    said: faults.join('\n'),
    next: formatManualSteps(config),
  })
}

/** How to set the records without the API. */
export const formatManualSteps = (config: Config): string =>
  [
    'Set these records at IONOS (Domains & SSL → DNS), wait until they are seen, and run this command again:',
    ...getSiteNames(config).map((name) => `  ${name}. A ${getPublicAddress(config)}`),
    `  and delete AAAA records that are not the VPS. Or set IONOS_DNS_KEY in ${formatKeyFile('IONOS_DNS_KEY')}, and it is done for you.`,
  ].join('\n')
