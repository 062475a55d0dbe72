import { isIP } from 'node:net'
import { type Config, getSiteNames } from '../config/config.ts'
import { isSameCloud, type ShareRule } from '../config/environments.ts'

/** What two environments can share on the VPS and in DNS. */
export const siteShareRules: readonly ShareRule[] = [
  {
    kind: 'site',
    keys: ['DOMAIN', 'IONOS_HOST'],
    describe: ({ domain, ionos }) => `site ${domain} on the VPS ${ionos.host}`,
    sameWhen: 'one VPS serves the same domain; two domains on one VPS share nothing',
    isSame: sharesSite,
  },
  // Records are set only with a DNS key: two servers would then take the name from each other at every run.
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

/** Whether both use the same VPS. Different addresses mean different machines; different names may not. */
function isSameVps(config: Config, other: Config): boolean {
  const [own, its] = [config.ionos, other.ionos]
  if (own.host.toLowerCase() === its.host.toLowerCase() || own.publicIp === its.publicIp) return true
  const address = ({ publicIp, host }: Config['ionos']) => [publicIp, host].find((text) => isIP(text))
  if (address(own) !== undefined && address(its) !== undefined) return address(own) === address(its)
  return isSameCloud(config, other)
}
