import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { NetworkOptions } from '../net/http.ts'
import { usageError } from '../util/errors.ts'
import { type Config, formatKeyFile } from './config.ts'
import type { KeyName } from './schema.ts'

/** The DNS records of a name; an empty list means that there are none. */
export interface Addresses {
  ipv4: string[]
  ipv6: string[]
}

/**
 * The A and AAAA records of a name, from DNS_SERVER or the system's name servers. /etc/hosts is never read,
 * because the CA and visitors do not see it. Rejects with the resolver's own error when there is no answer
 * (ETIMEOUT, ESERVFAIL, ECONNREFUSED).
 */
export async function resolveAddresses(config: Config, host: string): Promise<Addresses> {
  const { Resolver } = await import('node:dns/promises')
  const resolver = new Resolver({ timeout: 3000, tries: 2 })
  if (config.network.dnsServer) resolver.setServers([config.network.dnsServer])
  const [ipv4, ipv6] = await Promise.all([
    resolver.resolve4(host).catch(absentIsEmpty),
    resolver.resolve6(host).catch(absentIsEmpty),
  ])
  return { ipv4: ipv4.sort(), ipv6: ipv6.sort() }
}

/** How requests of this configuration resolve names (DNS_SERVER) and which authorities they trust (CA_FILE). */
export function createNetworkOptions(config: Config): NetworkOptions {
  return {
    authorities: readAuthorities('CA_FILE', config.network.caFile),
    async resolve(host) {
      const bare = host.replace(/^\[(.*)\]$/, '$1')
      const family = isIP(bare)
      if (family) return [{ address: bare, family }]
      if (!config.network.dnsServer || bare === 'localhost') {
        const { lookup } = await import('node:dns/promises')
        return lookup(bare, { all: true, order: 'ipv4first' })
      }
      const { ipv4, ipv6 } = await resolveAddresses(config, bare)
      const found = [
        ...ipv4.map((address) => ({ address, family: 4 })),
        ...ipv6.map((address) => ({ address, family: 6 })),
      ]
      if (found.length > 0) return found
      const absent = new Error(`${bare} has no address at the name server ${config.network.dnsServer}`)
      throw Object.assign(absent, { code: 'ENOTFOUND' })
    },
  }
}

function absentIsEmpty(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOTFOUND' || error.code === 'ENODATA') return []
  throw error
}

/** For this tool's own requests to Azure: the proxy and authorities of az, from the configuration or the environment. */
export function createAzNetworkOptions(config: Config, env: NodeJS.ProcessEnv): NetworkOptions {
  const proxies = { ...env, ...config.network.azEnvironment }
  return {
    authorities: readAuthorities('REQUESTS_CA_BUNDLE', proxies.REQUESTS_CA_BUNDLE ?? ''),
    proxies,
    async resolve(host) {
      const { lookup } = await import('node:dns/promises')
      return lookup(host, { all: true, order: 'ipv4first' })
    },
  }
}

function readAuthorities(key: KeyName, file: string): string[] {
  if (!file) return []
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw usageError(
      `${key} ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`,
      `Set ${key} in ${formatKeyFile(key)} to a PEM file with the additional certificates to trust, or leave it empty.`,
    )
  }
  const found = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g)
  if (found) return found
  throw usageError(
    `${key} ${file} contains no certificate`,
    `Set ${key} in ${formatKeyFile(key)} to a PEM file: -----BEGIN CERTIFICATE----- …`,
  )
}
