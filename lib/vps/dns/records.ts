import { isIPv4 } from 'node:net'
import { type Config, formatKeyFile, formatScriptLine, getSiteNames } from '../../config/config.ts'
import { type Addresses, resolveAddresses } from '../../config/network.ts'
import type { Field } from '../../tasks/task.ts'
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

/** The IPv4 address for the A records, from IONOS_PUBLIC_IP or IONOS_HOST. */
export function getPublicAddress(config: Config): string {
  const { publicIp } = config.ionos
  if (isIPv4(publicIp)) return publicIp
  throw usageError(
    `${publicIp} is not an IPv4 address, which the A records need`,
    `Set IONOS_PUBLIC_IP in ${formatKeyFile('IONOS_PUBLIC_IP')} to the public IPv4 address of the VPS.`,
  )
}

export interface RecordFault {
  name: string
  message: string
  /** For a plan. */
  field: Field
  /** It is only not known whether the address belongs to the VPS. */
  unsure?: true
}

/** The VPS's own IPv6 addresses, 32 hexadecimal digits each; undefined when nobody knows them. */
type OwnIpv6 = readonly string[] | undefined

/**
 * Lists what is wrong with the records. An AAAA record with an address of another machine is stale: it sends some visitors,
 * and the CA, elsewhere.
 */
export const findFaults = (records: readonly Records[], address: string, own: OwnIpv6) =>
  records.flatMap(({ name, ipv4, ipv6 }): RecordFault[] => {
    const before = ipv4.join(', ')
    const stale = ipv6.filter((each) => !own?.includes(expandIpv6(each))).join(', ')
    const wrong = {
      message: `${name} has ${before ? `A ${before}` : 'no A record'}, wanted: A ${address}`,
      field: { name: `A ${name}`, before: before || undefined, after: address },
    }
    const extra = {
      message: own
        ? `${name} has AAAA ${stale}, which does not belong to the VPS: delete it`
        : `${name} has AAAA ${stale}, and it is not known here whether that is the VPS`,
      field: { name: `AAAA ${name}`, before: stale, after: 'none' },
      ...(own ? {} : { unsure: true as const }),
    }
    return [...(before === address ? [] : [wrong]), ...(stale ? [extra] : [])].map((fault) => ({
      name,
      ...fault,
    }))
  })

/**
 * Reads the records of the site and lists what is wrong with them: the one verdict of tasks and checks.
 * @param askIpv6 gives the VPS's own IPv6 addresses; called only if there is an AAAA record
 */
export async function inspectRecords(
  config: Config,
  askIpv6: () => Promise<OwnIpv6>,
): Promise<RecordFault[]> {
  const records = await readRecords(config)
  const own = records.some(({ ipv6 }) => ipv6.length > 0) ? await askIpv6() : []
  return findFaults(records, getPublicAddress(config), own)
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

/** Throws when the names do not point to the VPS. */
export async function assertDnsPointsHere(config: Config, askIpv6: () => Promise<OwnIpv6>): Promise<void> {
  const faults = await inspectRecords(config, askIpv6)
  if (faults.length === 0) return
  throw new OpsError({
    what: 'The DNS does not point at the VPS, so the CA was not asked for a certificate',
    said: faults.map(({ message }) => message).join('\n'),
    next: formatManualSteps(config),
  })
}

export const formatManualSteps = (config: Config): string =>
  [
    'Set these records at IONOS (Domains & SSL → DNS), wait until they are visible, and run this command again:',
    ...getSiteNames(config).map((name) => `  ${name}. A ${getPublicAddress(config)}`),
    `  and delete AAAA records that do not belong to the VPS. Or set IONOS_DNS_KEY in ${formatKeyFile('IONOS_DNS_KEY')}: ${formatScriptLine('point-dns')} then does both.`,
  ].join('\n')
