import { isIPv4, isIPv6 } from 'node:net'
import { type Config, getSiteNames, type Server } from '../config/config.ts'
import { isSameCloud, type ShareRule } from '../config/environments.ts'
import { expandIpv6 } from './dns/records.ts'

/** What two environments can share on the VPS and in DNS. */
export const siteShareRules: readonly ShareRule[] = [
  {
    kind: 'vps',
    keys: ['IONOS_HOST', 'IONOS_PUBLIC_IP', 'IONOS_PUBLIC_IPV6'],
    describe: ({ servers }) =>
      `VPS ${servers.map(({ address }) => address).join(', ')} with its nginx, deploy lock, receipts and marks of bad releases`,
    sameWhen: 'the VPS has the same address, whatever the domain',
    isSame: isSameVps,
  },
  {
    kind: 'site',
    keys: ['DOMAIN', 'IONOS_HOST'],
    describe: ({ domain, servers }) =>
      `site ${domain} on the VPS ${servers.map(({ address }) => address).join(', ')}`,
    sameWhen: 'the same domain on the same VPS',
    isSame: sharesSite,
  },
  // Records are set only with a DNS key: two servers would then take the name from each other on every run.
  {
    kind: 'dns-records',
    keys: ['DOMAIN'],
    describe: ({ domain }) => `DNS records of ${domain}`,
    sameWhen: 'the same domain on two servers, and a file has `IONOS_DNS_KEY`',
    isSame: (config, other) =>
      isSameCloud(config, other) &&
      !sharesSite(config, other) &&
      config.domain === other.domain &&
      (config.ionos.dnsKey.given || other.ionos.dnsKey.given),
  },
]

function sharesSite(config: Config, other: Config): boolean {
  const names = getSiteNames(other)
  return isSameVps(config, other) && getSiteNames(config).some((name) => names.includes(name))
}

function isSameVps(config: Config, other: Config): boolean {
  return config.servers.some((own) =>
    other.servers.some((its) => isSameServer(own, its) ?? isSameCloud(config, other)),
  )
}

/**
 * One common address means one machine. Different addresses of the same family mean different machines. Different names,
 * or an IPv4 address in one file and an IPv6 address in the other, may not: undefined.
 */
function isSameServer(own: Server, its: Server): boolean | undefined {
  if (own.address.toLowerCase() === its.address.toLowerCase()) return true
  const families = [getIpv4, getIpv6].map((get) => [get(own), get(its)] as const)
  if (families.some(([ours, theirs]) => ours.some((address) => theirs.includes(address)))) return true
  return families.some(([ours, theirs]) => ours.length > 0 && theirs.length > 0) ? false : undefined
}

const getIpv4 = ({ address, publicIp }: Server): string[] =>
  [address, publicIp].filter((text) => isIPv4(text))

const getIpv6 = ({ address, publicIpv6 }: Server): string[] =>
  [address, publicIpv6].filter((text) => isIPv6(text)).map(expandIpv6)
