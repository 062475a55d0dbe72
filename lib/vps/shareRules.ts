import { isIP } from 'node:net'
import { type Config, getSiteNames, type Server } from '../config/config.ts'
import { isSameCloud, type ShareRule } from '../config/environments.ts'

/** What two environments can share on the VPS and in DNS. */
export const siteShareRules: readonly ShareRule[] = [
  {
    kind: 'site',
    keys: ['DOMAIN', 'IONOS_HOST'],
    describe: ({ domain, servers }) =>
      `site ${domain} on the VPS ${servers.map(({ address }) => address).join(', ')}`,
    sameWhen: 'one VPS serves the same domain; two domains on one VPS share nothing',
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

const isSameVps = (config: Config, other: Config): boolean =>
  config.servers.some((own) =>
    other.servers.some((its) => isSameServer(own, its) ?? isSameCloud(config, other)),
  )

/** Different addresses mean different machines. Different names may not: undefined. */
function isSameServer(own: Server, its: Server): boolean | undefined {
  if (own.address.toLowerCase() === its.address.toLowerCase() || own.publicIp === its.publicIp) return true
  const ip = ({ publicIp, address }: Server) => [publicIp, address].find((text) => isIP(text))
  return ip(own) === undefined || ip(its) === undefined ? undefined : ip(own) === ip(its)
}
